import { KdError } from '@kd/core';
import type { NetworkGraph, Node, Pads, Weight } from '../network/graph.js';
import { flag, type GraphDef, list, text } from './graph-def.js';
import { type Size, type Window, windowPlaces } from './window.js';

/** A map [b, h, w, c] of a graph. */
export interface GraphMap {
  readonly name: string;
  readonly channels: number;
  readonly size: Size;
}

/** Writes the nodes of a network and gives its outputs, in their order. */
export function writeGraphNetwork(def: GraphDef, graph: NetworkGraph, images: GraphMap): GraphMap[] {
  const values = new Map<string, GraphMap>([[graph.input.id, images]]);
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((id) => values.get(id)!);
    values.set(node.id, { channels: node.channels, ...writeNode(def, node, inputs) });
  }
  return graph.outputs.map((id) => values.get(id)!);
}

function writeNode(def: GraphDef, node: Node, inputs: readonly GraphMap[]): Pick<GraphMap, 'name' | 'size'> {
  const [x, second] = inputs as [GraphMap, GraphMap | undefined];
  const { id } = node;
  const same = (name: string): Pick<GraphMap, 'name' | 'size'> => ({ name, size: x.size });
  switch (node.op) {
    case 'conv':
      return convolution(def, node, x);
    case 'maxpool':
    case 'avgpool': {
      const window = windowOf(def, x, node.pads, { ...node, dilations: [1, 1] }, node.op === 'maxpool' ? LOWEST : null);
      if (window === null)
        throw new KdError(
          'USAGE',
          `layer ${id}: a mean over zeros around the map has no operator in TensorFlow.js; export to ONNX.`,
        );
      const attr = {
        ksize: list([1, ...node.size, 1]),
        strides: list([1, ...node.strides, 1]),
        padding: text(window.padding),
      };
      return {
        name: def.node(node.op === 'maxpool' ? 'MaxPool' : 'AvgPool', [window.name], attr, id),
        size: window.size,
      };
    }
    case 'pad': {
      const [top, left, bottom, right] = node.pads;
      return {
        name: padded(def, x.name, node.pads, 0, id),
        size: [x.size[0] + top + bottom, x.size[1] + left + right],
      };
    }
    case 'globalpool':
      return { name: def.node('Mean', [x.name, def.ints([1, 2])], { keep_dims: flag(true) }, id), size: [1, 1] };
    case 'nearest': {
      const attr = { align_corners: flag(false), half_pixel_centers: flag(false) };
      return {
        name: def.node('ResizeNearestNeighbor', [x.name, def.ints(second!.size)], attr, id),
        size: second!.size,
      };
    }
    case 'add':
    case 'mul': {
      const op = node.op === 'add' ? 'AddV2' : 'Mul';
      return same(inputs.slice(1).reduce((sum, { name }) => def.node(op, [sum, name], {}, id), x.name));
    }
    case 'concat':
      return same(def.node('ConcatV2', [...inputs.map(({ name }) => name), def.ints([3], [])], {}, id));
    case 'affine':
      return same(scaled(def, x.name, node.scale, node.shift, id));
    case 'groupnorm':
      return same(groupNorm(def, x, node));
    case 'scale':
      return same(def.node('Mul', [x.name, def.floats([node.factor], [])], {}, id));
    case 'relu':
    case 'relu6':
    case 'sigmoid':
    case 'exp':
      return same(def.node(UNARY[node.op], [x.name], {}, id));
    case 'hardsigmoid':
    case 'hardswish': {
      const gate = def.node('Relu6', [def.node('AddV2', [x.name, def.floats([3], [])])]);
      const sixth = def.node('Mul', [gate, def.floats([1 / 6], [])], {}, node.op === 'hardsigmoid' ? id : undefined);
      return same(node.op === 'hardsigmoid' ? sixth : def.node('Mul', [x.name, sixth], {}, id));
    }
    case 'flatten': {
      const flat = def.ints([-1, x.size[0] * x.size[1] * x.channels]);
      return { name: def.node('Reshape', [x.name, flat], {}, id), size: VECTOR };
    }
    case 'dense': {
      const attr = { transpose_a: flag(false), transpose_b: flag(false) };
      const product = def.node('MatMul', [x.name, def.weight(node.kernel)], attr, node.bias ? undefined : id);
      const name = node.bias ? def.node('AddV2', [product, def.weight(node.bias)], {}, id) : product;
      return { name, size: VECTOR };
    }
  }
}

/** Of what has no height and no width, [b, c]. */
const VECTOR: Size = [1, 1];
const UNARY = { relu: 'Relu', relu6: 'Relu6', sigmoid: 'Sigmoid', exp: 'Exp' } as const;
/** The lowest number of float32: it never is the maximum. */
const LOWEST = -3.4028234663852886e38;

function padded(def: GraphDef, x: string, pads: Exclude<Pads, 'same'>, value: number, name?: string): string {
  const [top, left, bottom, right] = pads;
  const sides = def.ints([0, 0, top, bottom, left, right, 0, 0], [4, 2]);
  return value === 0
    ? def.node('Pad', [x, sides], {}, name)
    : def.node('PadV2', [x, sides, def.floats([value], [])], {}, name);
}

/**
 * What a sliding window reads. Zeros that TensorFlow would put in the same places are left to it.
 * @param value of the cells around; null where there may be none
 */
function windowOf(
  def: GraphDef,
  x: GraphMap,
  pads: Pads,
  window: Window,
  value: number | null,
): { readonly name: string; readonly padding: 'SAME' | 'VALID'; readonly size: Size } | null {
  const { padding, size } = windowPlaces(x.size, pads, window);
  if (padding !== null) return { name: x.name, padding: padding === 'same' ? 'SAME' : 'VALID', size };
  if (value === null || pads === 'same') return null;
  return { name: padded(def, x.name, pads, value), padding: 'VALID', size };
}

function convolution(
  def: GraphDef,
  node: Node & { readonly op: 'conv' },
  x: GraphMap,
): Pick<GraphMap, 'name' | 'size'> {
  const { kernel, bias, strides, dilations, groups, pads, id } = node;
  const [kh, kw, inputs, outputs] = kernel.shape as [number, number, number, number];
  const window = windowOf(def, x, pads, { size: [kh, kw], strides, dilations }, 0)!;
  const attr = {
    strides: list([1, ...strides, 1]),
    dilations: list([1, ...dilations, 1]),
    padding: text(window.padding),
    data_format: text('NHWC'),
  };
  const own = bias ? undefined : id;
  let y: string;
  if (groups === 1) y = def.node('Conv2D', [window.name, def.weight(kernel)], attr, own);
  else if (groups === outputs && inputs === 1)
    y = def.node(
      'DepthwiseConv2dNative',
      [window.name, def.weight({ ...kernel, shape: [kh, kw, groups, 1] })],
      attr,
      own,
    );
  else y = grouped(def, window.name, node, attr, own);
  if (bias) y = def.node('BiasAdd', [y, def.weight(bias)], { data_format: text('NHWC') }, id);
  return { name: y, size: window.size };
}

/** A convolution a group, since TensorFlow.js has no other. */
function grouped(
  def: GraphDef,
  x: string,
  { kernel, groups }: Node & { readonly op: 'conv' },
  attr: Parameters<GraphDef['node']>[2],
  id: string | undefined,
): string {
  const [kh, kw, inputs, outputs] = kernel.shape as [number, number, number, number];
  const own = outputs / groups;
  const parts = Array.from({ length: groups }, (_, g) => {
    const part = def.node('Slice', [x, def.ints([0, 0, 0, g * inputs]), def.ints([-1, -1, -1, inputs])]);
    const data = Float32Array.from(
      { length: kh * kw * inputs * own },
      (_value, i) => kernel.data[Math.floor(i / own) * outputs + g * own + (i % own)]!,
    );
    const name = `${kernel.name}.${g}`;
    return def.node('Conv2D', [part, def.weight({ name, shape: [kh, kw, inputs, own], data })], attr);
  });
  return def.node('ConcatV2', [...parts, def.ints([3], [])], {}, id);
}

const scaled = (def: GraphDef, x: string, scale: Weight, shift: Weight, id: string): string =>
  def.node('AddV2', [def.node('Mul', [x, def.weight(scale)]), def.weight(shift)], {}, id);

/** Mean and biased variance over the cells and channels of a group. */
function groupNorm(def: GraphDef, x: GraphMap, node: Node & { readonly op: 'groupnorm' }): string {
  const { groups, epsilon, scale, shift, id } = node;
  const [h, w] = x.size;
  const parted = def.node('Reshape', [x.name, def.ints([-1, h * w, groups, x.channels / groups])]);
  const mean = (of: string): string => def.node('Mean', [of, def.ints([1, 3])], { keep_dims: flag(true) });
  const centred = def.node('Sub', [parted, mean(parted)]);
  const variance = mean(def.node('Square', [centred]));
  const factor = def.node('Rsqrt', [def.node('AddV2', [variance, def.floats([epsilon], [])])]);
  const normed = def.node('Reshape', [def.node('Mul', [centred, factor]), def.ints([-1, h, w, x.channels])]);
  return scaled(def, normed, scale, shift, id);
}
