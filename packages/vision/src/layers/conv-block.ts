import type { Engine } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { layers, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import { AffineNorm } from './affine-norm.js';
import { depthwiseConv2d, isDepthwise } from './depthwise-conv.js';
import { type CallContext, type Layer, weightOf } from './layer-weight.js';
import { groupedConv2d } from './grouped-conv.js';
import { nativeConv } from './native-conv.js';
import { zeroPadded } from './zero-padded.js';

/** How networks are run: what layers are called with, and the engine's native ops, where it has them. */
export interface RunContext extends CallContext {
  readonly runOp?: Engine['runOp'];
}

/** Convolution, norm, sum and ReLU as one unit: passes over large maps are what a CPU pays for. */
export interface ConvBlock {
  /** A stock `conv2d` layer without activation, or a `GroupedConv`. */
  readonly conv: Layer;
  readonly norm?: Layer;
  /** 6: capped there. */
  readonly relu: boolean | 6;
  /** Zeros on every side, before the convolution. */
  readonly pad: number;
}

/**
 * `relu(norm(conv(pad(x))) + residual)`
 * @param x [b, h, w, c]
 * @param residual added before the ReLU
 */
export function runConvBlock(
  block: ConvBlock,
  x: tf.Tensor4D,
  context: RunContext,
  residual?: tf.Tensor4D,
): tf.Tensor4D {
  return tidyWithUpdates(context, () => {
    const { conv, norm, relu, pad } = block;
    let kernel: tf.Tensor4D = weightOf(conv, 'kernel') as tf.Variable<tf.Rank.R4>;
    let bias: tf.Tensor | undefined = weightOf(conv, 'bias');
    let rest = norm;
    if (norm instanceof AffineNorm && norm.isAffine(context)) {
      const { scale, shift } = norm.affine();
      kernel = tf.mul(kernel, scale);
      bias = bias ? tf.add(tf.mul(bias, scale), shift) : shift;
      rest = undefined;
    }
    // The ReLU can be joined to the convolution only where nothing comes between.
    const early = relu !== false && bias !== undefined && rest === undefined && residual === undefined;
    let y: tf.Tensor = convolve(
      x,
      kernel,
      bias as tf.Tensor1D | undefined,
      convGeometry(conv),
      { pad, relu: early && relu },
      context.runOp,
    );
    if (rest) y = rest.call(y, { ...context }) as tf.Tensor;
    if (residual) y = tf.add(y, residual);
    return (early ? y : rectified(y, relu)) as tf.Tensor4D;
  });
}

/**
 * The same as a graph of layers, for exports. A ReLU has a layer of its own then, named behind its convolution.
 */
export function applyConvBlock(x: SymbolicTensor, { conv, norm, relu }: Omit<ConvBlock, 'pad'>): SymbolicTensor {
  const y = applied(conv, x);
  const z = norm ? applied(norm, y) : y;
  if (relu === false) return z;
  return applied(layers.reLU({ name: `${conv.name}.relu`, ...(relu !== true && { maxValue: relu }) }), z);
}

export const applied = (layer: Layer, x: SymbolicTensor): SymbolicTensor => layer.apply(x) as SymbolicTensor;

const rectified = (x: tf.Tensor, relu: ConvBlock['relu']): tf.Tensor =>
  relu === false ? x : relu === 6 ? tf.relu6(x) : tf.relu(x);

function convolve(
  x: tf.Tensor4D,
  kernel: tf.Tensor4D,
  bias: tf.Tensor1D | undefined,
  { strides, padding }: ConvGeometry,
  { pad, relu }: Pick<ConvBlock, 'pad' | 'relu'>,
  runOp: RunContext['runOp'],
): tf.Tensor {
  const grouped = kernel.shape[2] !== x.shape[3];
  const symmetric = torchPadding(kernel.shape, strides, padding);
  if (runOp && !grouped && symmetric !== undefined)
    return nativeConv(runOp, x, kernel, bias, { stride: strides[0], pad: pad + symmetric, relu });
  const y =
    symmetric !== undefined && isDepthwise(x, kernel)
      ? depthwiseConv2d(x, kernel, { stride: strides[0], pad: pad + symmetric }, runOp)
      : grouped
        ? groupedConv2d(zeroPadded(x, pad), kernel, { stride: strides[0], padding }, runOp)
        : tf.conv2d(zeroPadded(x, pad), kernel, strides, padding);
  return rectified(bias ? tf.add(y, bias) : y, relu);
}

/** The zeros on every side that a convolution pads by itself, or undefined where the sides differ. */
function torchPadding(
  [height, width]: readonly number[],
  [down, right]: readonly [number, number],
  padding: 'valid' | 'same',
): number | undefined {
  if (down !== right) return undefined;
  if (padding === 'valid' || (height === 1 && width === 1)) return 0;
  return down === 1 && height === width && height! % 2 === 1 ? (height! - 1) / 2 : undefined;
}

/** `tf.tidy` that lets the running statistics out, too. */
export function tidyWithUpdates<T extends tf.TensorContainer>(context: CallContext, run: () => T): T {
  const before = context.updates.length;
  const kept = tf.tidy(() => [run(), context.updates.slice(before).map(({ value }) => value)] as tf.TensorContainer[]);
  return kept[0] as T;
}

interface ConvGeometry {
  readonly strides: [number, number];
  readonly padding: 'valid' | 'same';
}

const geometries = new WeakMap<Layer, ConvGeometry>();

/** Strides and padding of a stock convolution, read once: `getConfig` builds a large object. */
function convGeometry(conv: Layer): ConvGeometry {
  let found = geometries.get(conv);
  if (!found) {
    const config = conv.getConfig();
    found = { strides: config['strides'] as [number, number], padding: config['padding'] as 'valid' | 'same' };
    geometries.set(conv, found);
  }
  return found;
}
