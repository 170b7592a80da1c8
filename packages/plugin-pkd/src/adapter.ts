import type { Rng } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/** A 1x1 convolution from the student's channels to the teacher's: trained with the student and dropped after training. */
export interface Adapter {
  /** [1, 1, in, out] */
  readonly kernel: tf.Tensor4D;
  /** [out] */
  readonly bias: tf.Tensor1D;
}

/** [n, h, w, in] -> [n, h, w, out]. As one matrix product, whose gradients every backend has. */
export function applyAdapter(map: tf.Tensor4D, { kernel, bias }: Adapter): tf.Tensor4D {
  const [n, h, w, from] = map.shape;
  const to = kernel.shape[3];
  const rows = tf.matMul<tf.Tensor2D>(tf.reshape(map, [n * h * w, from]), tf.reshape(kernel, [from, to]));
  return tf.reshape(tf.add(rows, bias), [n, h, w, to]);
}

/**
 * Initial values: uniform in ±1/sqrt(in) for kernel and bias alike (Kaiming uniform with a = sqrt(5), as torch's convolution).
 * Zeros would make constant channels, which get no gradient.
 */
export function initialAdapter(from: number, to: number, rng: Rng): Adapter {
  const bound = 1 / Math.sqrt(from);
  const draw = (count: number): Float32Array => Float32Array.from({ length: count }, () => (2 * rng.uniform() - 1) * bound);
  return { kernel: tf.tensor4d(draw(from * to), [1, 1, from, to]), bias: tf.tensor1d(draw(to)) };
}
