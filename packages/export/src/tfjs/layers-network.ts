import { KdError } from '@kd/core';
import type { Layer } from '@kd/vision';
import { layers, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import type { NetworkGraph, Node, Pads } from '../network/graph.js';
import type { StockLayers } from './stock-layers.js';
import { type Size, windowPlaces } from './window.js';

/** Places the layers of a network and gives its outputs, in their order. */
export function placeNetwork(stock: StockLayers, graph: NetworkGraph, images: SymbolicTensor): SymbolicTensor[] {
  const values = new Map<string, SymbolicTensor>([[graph.input.id, images]]);
  for (const node of graph.nodes)
    values.set(
      node.id,
      placeNode(
        stock,
        node,
        node.inputs.map((id) => values.get(id)!),
      ),
    );
  return graph.outputs.map((id) => values.get(id)!);
}

function placeNode(stock: StockLayers, node: Node, inputs: SymbolicTensor[]): SymbolicTensor {
  const [x, second] = inputs as [SymbolicTensor, SymbolicTensor | undefined];
  const { id } = node;
  const place = (make: (name: string) => Layer, of: SymbolicTensor | SymbolicTensor[] = x): SymbolicTensor =>
    stock.place(id, make, of);
  switch (node.op) {
    case 'conv':
      return convolution(stock, node, x);
    case 'maxpool':
    case 'avgpool': {
      const { padding } = windowPlaces(sizeOf(x), node.pads, { ...node, dilations: [1, 1] });
      const args = { poolSize: pair(node.size), strides: pair(node.strides), padding: padding ?? 'valid' } as const;
      if (node.op === 'avgpool') {
        if (padding === null) throw refusal(id, 'a mean that does not count the cells around a map has no layer there');
        return place((name) => layers.averagePooling2d({ ...args, name }));
      }
      // Numbers of cells only come from zeros around a positive map.
      const around = padding === null ? padded(stock, id, x, node.pads) : x;
      return place((name) => layers.maxPooling2d({ ...args, name }), around);
    }
    case 'pad':
      return padded(stock, id, x, node.pads);
    case 'globalpool': {
      const poolSize = pair(sizeOf(x));
      return place((name) => layers.averagePooling2d({ poolSize, strides: poolSize, padding: 'valid', name }));
    }
    case 'nearest':
      return nearest(stock, id, x, sizeOf(second!));
    case 'add':
      return place((name) => layers.add({ name }), inputs);
    case 'mul':
      return place((name) => layers.multiply({ name }), inputs);
    case 'concat':
      return place((name) => layers.concatenate({ axis: -1, name }), inputs);
    case 'affine':
      return stock.affine(x, node.scale, node.shift);
    case 'groupnorm':
      return groupNorm(stock, node, x);
    case 'scale':
      return stock.affine(x, { name: id, data: new Float32Array(node.channels).fill(node.factor) });
    case 'relu':
      return place((name) => layers.reLU({ name }));
    case 'relu6':
      return place((name) => layers.reLU({ maxValue: 6, name }));
    case 'sigmoid':
      return place((name) => layers.activation({ activation: 'sigmoid', name }));
    case 'hardsigmoid':
      return hardSigmoid(stock, node, x);
    case 'hardswish':
      return place((name) => layers.multiply({ name }), [x, hardSigmoid(stock, { ...node, id: `${id}.gate` }, x)]);
    case 'exp':
      return exponential(stock, node, x);
    case 'flatten':
      return place((name) => layers.flatten({ name }));
    case 'dense': {
      const { kernel, bias } = node;
      return stock.weighted(x, { kernel: { ...kernel, kernel: true }, bias }, 'dense', (given) =>
        layers.dense({ ...given, units: kernel.shape[1]! }),
      );
    }
  }
}

const refusal = (id: string, why: string): KdError =>
  new KdError('USAGE', `layer ${id}: ${why}. Export to tfjs-graph or to ONNX; nothing has been written.`);

const pair = ([y, x]: Size): [number, number] => [y, x];
const sizeOf = ({ shape }: SymbolicTensor): Size => [shape[1]!, shape[2]!];

function padded(stock: StockLayers, id: string, x: SymbolicTensor, pads: Pads): SymbolicTensor {
  const [top, left, bottom, right] = pads as Exclude<Pads, 'same'>;
  const padding: [[number, number], [number, number]] = [
    [top, bottom],
    [left, right],
  ];
  return stock.place(`${id}.pad`, (name) => layers.zeroPadding2d({ padding, name }), x);
}

function convolution(stock: StockLayers, node: Node & { readonly op: 'conv' }, x: SymbolicTensor): SymbolicTensor {
  const { kernel, bias, strides, dilations, groups, pads, id } = node;
  const [kh, kw, , filters] = kernel.shape as [number, number, number, number];
  const { padding } = windowPlaces(sizeOf(x), pads, { size: [kh, kw], strides, dilations });
  const around = padding === null ? padded(stock, id, x, pads) : x;
  const args = {
    kernelSize: [kh, kw] as [number, number],
    strides: pair(strides),
    padding: padding ?? ('valid' as const),
    dilationRate: pair(dilations),
  };
  const how = JSON.stringify(args);
  if (groups === x.shape[3])
    return stock.weighted(
      around,
      { kernel: { ...kernel, kernel: true }, bias },
      how,
      ({ kernelInitializer, ...given }) =>
        layers.depthwiseConv2d({
          ...given,
          ...args,
          depthMultiplier: filters / groups,
          depthwiseInitializer: kernelInitializer,
        }),
    );
  const data = groups === 1 ? kernel.data : dense(kernel.shape, kernel.data, groups);
  return stock.weighted(around, { kernel: { name: kernel.name, data, kernel: true }, bias }, how, (given) =>
    layers.conv2d({ ...given, ...args, filters }),
  );
}

/** The kernel [kh, kw, in, out] of a grouped convolution: zeros between groups, since no layer there has any. */
function dense(shape: readonly number[], data: Float32Array, groups: number): Float32Array {
  const [kh, kw, own, outputs] = shape as [number, number, number, number];
  const whole = new Float32Array(data.length * groups);
  for (let cell = 0; cell < kh * kw; cell++)
    for (let i = 0; i < own; i++)
      for (let out = 0; out < outputs; out++) {
        const input = Math.floor((out * groups) / outputs) * own + i;
        whole[(cell * own * groups + input) * outputs + out] = data[(cell * own + i) * outputs + out]!;
      }
  return whole;
}

/** Whole steps, cut to the size: the same cells as `floor(i · in / out)`, or there is no layer for it. */
function nearest(stock: StockLayers, id: string, x: SymbolicTensor, out: Size): SymbolicTensor {
  const size = sizeOf(x);
  const steps = size.map((side, axis) => Math.ceil(out[axis]! / side)) as [number, number];
  const same = size.every((side, axis) =>
    Array.from({ length: out[axis]! }, (_, i) => i).every(
      (i) => Math.floor(i / steps[axis]!) === Math.floor((i * side) / out[axis]!),
    ),
  );
  if (!same)
    throw refusal(
      id,
      `${size.join(' × ')} cells do not become ${out.join(' × ')} by whole steps, and no layer there has others`,
    );
  let y = x;
  if (steps.some((step) => step > 1))
    y = stock.place(id, (name) => layers.upSampling2d({ size: steps, interpolation: 'nearest', name }), x);
  const [down, across] = size.map((side, axis) => side * steps[axis]! - out[axis]!) as [number, number];
  if (down === 0 && across === 0) return y;
  const cropping: [[number, number], [number, number]] = [
    [0, down],
    [0, across],
  ];
  return stock.place(`${id}.cut`, (name) => layers.cropping2D({ cropping, name }), y);
}

/** Mean and biased variance over the cells and channels of a group. */
function groupNorm(stock: StockLayers, node: Node & { readonly op: 'groupnorm' }, x: SymbolicTensor): SymbolicTensor {
  const { id, groups, epsilon, channels } = node;
  const [h, w] = sizeOf(x);
  const shaped = (of: SymbolicTensor, part: string, targetShape: number[]): SymbolicTensor =>
    stock.place(`${id}.${part}`, (name) => layers.reshape({ targetShape, name }), of);
  const parted = shaped(x, 'groups', [h * w, groups, channels / groups]);
  const normed = stock.place(
    `${id}.normed`,
    (name) => layers.layerNormalization({ axis: [1, 3], epsilon, center: false, scale: false, name }),
    parted,
  );
  return stock.affine(shaped(normed, 'map', [h, w, channels]), node.scale, node.shift);
}

/**
 * `e^x` as `e^24 · sigmoid(x - 24)`: far below 0 a sigmoid is the exponential as near as float32 tells; at x = 8 they
 * part by 1e-7 of the value. Such are the distances of boxes, in pixels or strides: 2,981 at most.
 */
function exponential(stock: StockLayers, { id, channels }: Node, x: SymbolicTensor): SymbolicTensor {
  const all = (value: number): Float32Array => new Float32Array(channels).fill(value);
  const low = stock.affine(x, { name: `${id}.low`, data: all(1) }, { name: `${id}.low.shift`, data: all(-24) });
  const small = stock.place(id, (name) => layers.activation({ activation: 'sigmoid', name }), low);
  return stock.affine(small, { name: `${id}.raised`, data: all(Math.exp(24)) });
}

/** torch's, `relu6(x + 3) / 6`, which is not that of Keras. */
function hardSigmoid(stock: StockLayers, { id, channels }: Node, x: SymbolicTensor): SymbolicTensor {
  const all = (value: number): Float32Array => new Float32Array(channels).fill(value);
  const line = stock.affine(x, { name: `${id}.line`, data: all(1 / 6) }, { name: `${id}.line.half`, data: all(0.5) });
  return stock.place(id, (name) => layers.reLU({ maxValue: 1, name }), line);
}
