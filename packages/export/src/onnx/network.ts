import type { NetworkGraph, Node, Pads, Weight } from '../network/graph.js';
import type { OnnxBuilder } from './builder.js';

/** A tensor [b, c, h, w] of an ONNX graph. */
export interface OnnxMap {
  readonly name: string;
  readonly channels: number;
  /** [height, width] where they are fixed. */
  readonly size: Size | null;
}

type Size = readonly [height: number, width: number];

/** Writes the nodes of a network and gives its outputs, in their order. */
export function writeNetwork(builder: OnnxBuilder, graph: NetworkGraph, images: OnnxMap): OnnxMap[] {
  const values = new Map<string, OnnxMap>([[graph.input.id, images]]);
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((id) => values.get(id)!);
    const { name, size } = writeNode(builder, node, inputs);
    values.set(node.id, { name, size, channels: node.channels });
  }
  return graph.outputs.map((id) => values.get(id)!);
}

function writeNode(b: OnnxBuilder, node: Node, inputs: readonly OnnxMap[]): Pick<OnnxMap, 'name' | 'size'> {
  const [first, second] = inputs as [OnnxMap, OnnxMap | undefined];
  const { id } = node;
  const x = first.name;
  const same = (name: string): Pick<OnnxMap, 'name' | 'size'> => ({ name, size: first.size });
  switch (node.op) {
    case 'conv': {
      const [kh, kw] = node.kernel.shape as [number, number];
      const { kernel, bias, strides, groups, dilations } = node;
      const window = windowOf({ ...node, size: [kh, kw], dilations }, first.size);
      const attributes = { ...window.attributes, group: groups, dilations, strides, kernel_shape: [kh, kw] };
      const weights = [b.weight(outputFirst(kernel), 0), ...(bias ? [b.weight(bias)] : [])];
      return { name: b.node('Conv', [x, ...weights], attributes, id), size: window.size };
    }
    case 'maxpool':
    case 'avgpool': {
      const window = windowOf({ ...node, dilations: [1, 1] }, first.size);
      const attributes = { ...window.attributes, strides: node.strides, kernel_shape: node.size };
      const type = node.op === 'maxpool' ? 'MaxPool' : 'AveragePool';
      return { name: b.node(type, [x], attributes, id), size: window.size };
    }
    case 'pad': {
      const [top, left, bottom, right] = node.pads;
      const pads = b.ints([0, 0, top, left, 0, 0, bottom, right]);
      const size = first.size && ([first.size[0] + top + bottom, first.size[1] + left + right] as const);
      return { name: b.node('Pad', [x, pads], { mode: 'constant' }, id), size };
    }
    case 'globalpool':
      return { name: b.node('GlobalAveragePool', [x], {}, id), size: [1, 1] };
    case 'nearest':
      return { name: nearest(b, first, second!, id), size: second!.size };
    case 'add':
    case 'mul': {
      const type = node.op === 'add' ? 'Add' : 'Mul';
      const rest = inputs.slice(1).map(({ name }) => name);
      return same(rest.reduce((sum, other) => b.node(type, [sum, other], {}, id), x));
    }
    case 'concat': {
      const names = inputs.map(({ name }) => name);
      return same(b.node('Concat', names, { axis: 1 }, id));
    }
    case 'affine':
      return same(b.node('Add', [b.node('Mul', [x, channelwise(b, node.scale)]), channelwise(b, node.shift)], {}, id));
    case 'groupnorm':
      return same(groupNorm(b, first, node));
    case 'scale':
      return same(b.node('Mul', [x, b.floats([node.factor], [])], {}, id));
    case 'flatten': {
      const asItLies = b.node('Transpose', [x], { perm: [0, 2, 3, 1] });
      return { name: b.node('Flatten', [asItLies], { axis: 1 }, id), size: null };
    }
    case 'dense': {
      const weights = [b.weight(node.kernel, 1), ...(node.bias ? [b.weight(node.bias)] : [])];
      return { name: b.node('Gemm', [x, ...weights], {}, id), size: null };
    }
    case 'relu6':
      return same(b.node('Clip', [x, b.floats([0], []), b.floats([6], [])], {}, id));
    case 'hardsigmoid':
      return same(b.node('HardSigmoid', [x], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } }, id));
    case 'relu':
    case 'sigmoid':
    case 'exp':
    case 'hardswish':
      return same(b.node(UNARY[node.op], [x], {}, id));
  }
}

const UNARY = { relu: 'Relu', sigmoid: 'Sigmoid', exp: 'Exp', hardswish: 'HardSwish' } as const;

/** [c] for maps [b, c, h, w] */
const channelwise = (b: OnnxBuilder, { name, data }: Weight): string =>
  b.weight({ name, data, shape: [data.length, 1, 1] });

/** The norm of ONNX of one group for each channel, since its own for groups came late and changed. */
function groupNorm(b: OnnxBuilder, x: OnnxMap, node: Node & { readonly op: 'groupnorm' }): string {
  const { groups, epsilon, scale, shift, id } = node;
  // Said where it is known: of no images -1 follows from nothing.
  const each = x.size ? (x.channels / groups) * x.size[0] * x.size[1] : -1;
  const grouped = b.node('Reshape', [x.name, b.ints([0, groups, each])]);
  const ones = b.floats(Array.from({ length: groups }, () => 1));
  const zeros = b.floats(Array.from({ length: groups }, () => 0));
  const normed = b.node('InstanceNormalization', [grouped, ones, zeros], { epsilon: { float: epsilon } });
  const shape = x.size ? b.ints([0, x.channels, ...x.size]) : b.node('Shape', [x.name]);
  const back = b.node('Reshape', [normed, shape]);
  return b.node('Add', [b.node('Mul', [back, channelwise(b, scale)]), channelwise(b, shift)], {}, id);
}

/** Nearest neighbour at `floor(i · in / out)`: doubling as one node; other known sizes by their rows and columns. */
function nearest(b: OnnxBuilder, x: OnnxMap, like: OnnxMap, id: string): string {
  const resized = (inputs: readonly string[]): string =>
    b.node(
      'Resize',
      inputs,
      { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
      id,
    );
  if (x.size === null || like.size === null) {
    const sides = (name: string, from: number, to: number): string =>
      b.node('Slice', [b.node('Shape', [name]), b.ints([from]), b.ints([to])]);
    return resized([x.name, '', '', b.node('Concat', [sides(x.name, 0, 2), sides(like.name, 2, 4)], { axis: 0 })]);
  }
  const [from, to] = [x.size, like.size];
  if (to.every((side, axis) => side % from[axis]! === 0))
    return resized([x.name, '', b.floats([1, 1, to[0] / from[0], to[1] / from[1]])]);
  return to.reduce((name, side, axis) => {
    const indices = Array.from({ length: side }, (_, i) => Math.floor((i * from[axis]!) / side));
    return b.node('Gather', [name, b.ints(indices)], { axis: axis + 2 }, id);
  }, x.name);
}

interface Window {
  readonly size: Size;
  readonly strides: Size;
  readonly dilations: Size;
  readonly pads: Pads;
}

/** Padding of a sliding window as attributes, and the size of what it gives. */
function windowOf(
  { size, strides, dilations, pads }: Window,
  from: Size | null,
): { readonly attributes: { auto_pad: string } | { pads: readonly number[] }; readonly size: Size | null } {
  const reach = size.map((side, axis) => (side - 1) * dilations[axis]! + 1) as [number, number];
  if (pads !== 'same') {
    const [top, left, bottom, right] = pads;
    const out = ([low, high]: Size, axis: 0 | 1): number =>
      Math.floor((from![axis] + low + high - reach[axis]) / strides[axis]) + 1;
    return { attributes: { pads }, size: from && [out([top, bottom], 0), out([left, right], 1)] };
  }
  if (from === null && (strides[0] > 1 || strides[1] > 1))
    return { attributes: { auto_pad: 'SAME_UPPER' }, size: null };
  const out = from && ([Math.ceil(from[0] / strides[0]), Math.ceil(from[1] / strides[1])] as const);
  const [y, x] = ([0, 1] as const).map((axis) => {
    const all = from && out ? Math.max((out[axis] - 1) * strides[axis] + reach[axis] - from[axis], 0) : reach[axis] - 1;
    return [Math.floor(all / 2), Math.ceil(all / 2)] as const;
  }) as [Size, Size];
  return { attributes: { pads: [y[0], x[0], y[1], x[1]] }, size: out };
}

/** [kh, kw, in, out] to [out, in, kh, kw] */
function outputFirst({ name, shape, data }: Weight): Weight {
  const [kh, kw, input, output] = shape as [number, number, number, number];
  const moved = new Float32Array(data.length);
  let at = 0;
  for (let o = 0; o < output; o++)
    for (let i = 0; i < input; i++)
      for (let y = 0; y < kh; y++)
        for (let x = 0; x < kw; x++) moved[at++] = data[((y * kw + x) * input + i) * output + o]!;
  return { name, shape: [output, input, kh, kw], data: moved };
}
