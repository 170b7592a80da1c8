import type { Rng } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/**
 * A 1x1 convolution [b, h, w, in] -> [b, h, w, out], as one matrix product, whose gradients every backend has. It has no bias: the alignment behind it takes
 * the mean of every channel away.
 * @param kernel [1, 1, in, out]
 */
export function applyAdapter(map: tf.Tensor4D, kernel: tf.Tensor4D): tf.Tensor4D {
  const [b, h, w, from] = map.shape;
  const to = kernel.shape[3];
  return tf.reshape(tf.matMul(tf.reshape(map, [b * h * w, from]), tf.reshape(kernel, [from, to])), [b, h, w, to]);
}

/** Uniform in ±1/sqrt(in), as torch's convolution. */
export function initialAdapter(from: number, to: number, rng: Rng): tf.Tensor4D {
  const bound = 1 / Math.sqrt(from);
  return tf.tensor4d(Float32Array.from({ length: from * to }, () => (2 * rng.uniform() - 1) * bound), [1, 1, from, to]);
}
