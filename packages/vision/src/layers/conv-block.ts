import type { Engine } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { AffineNorm } from './affine-norm.js';
import { type CallContext, type Layer, weightOf } from './layer-weight.js';

/** How networks are run: what layers are called with, and the engine's native ops, where it has them. */
export interface RunContext extends CallContext {
  readonly runOp?: Engine['runOp'];
}

/** Convolution, norm, sum and ReLU as one unit: passes over large maps are what a CPU pays for. */
export interface ConvBlock {
  /** A stock `conv2d` layer without activation. */
  readonly conv: Layer;
  readonly norm?: Layer;
  readonly relu: boolean;
  /** Zeros on every side, before the convolution. */
  readonly pad: number;
}

/**
 * `relu(norm(conv(pad(x))) + residual)`
 * @param x [b, h, w, c]
 * @param residual added before the ReLU
 */
export function runConvBlock(block: ConvBlock, x: tf.Tensor4D, context: RunContext, residual?: tf.Tensor4D): tf.Tensor4D {
  return tidyWithUpdates(context, () => {
    const { conv, norm, relu, pad } = block;
    const { strides, padding } = convGeometry(conv);
    let kernel: tf.Tensor4D = weightOf(conv, 'kernel') as tf.Variable<tf.Rank.R4>;
    let bias: tf.Tensor | undefined = weightOf(conv, 'bias');
    let rest = norm;
    if (norm instanceof AffineNorm && norm.isAffine(context)) {
      const { scale, shift } = norm.affine();
      kernel = tf.mul(kernel, scale);
      bias = bias ? tf.add(tf.mul(bias, scale), shift) : shift;
      rest = undefined;
    }
    const padded = pad > 0 ? tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]]) : x;
    let y: tf.Tensor = tf.conv2d(padded, kernel, strides, padding);
    if (bias) y = tf.add(y, bias);
    if (rest) y = rest.call(y, { ...context }) as tf.Tensor;
    if (residual) y = tf.add(y, residual);
    return (relu ? tf.relu(y) : y) as tf.Tensor4D;
  });
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
