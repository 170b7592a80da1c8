import * as tf from '@tensorflow/tfjs-core';

/** Added to every denominator that is given: the machine epsilon of float32. */
export const DENOMINATOR_EPSILON = 2 ** -23;

/**
 * `Σ w · loss`; rows without weight drop out with a gradient of 0.
 * @param perRow [...]
 * @param weights [...], same shape: constants; null counts every row once
 */
export function weightedSum(perRow: tf.Tensor, weights: tf.Tensor | null = null): tf.Scalar {
  return tf.sum(weights === null ? perRow : tf.mul(perRow, weights));
}

/** `1 / (denominator + 2^-23)` */
export const inverse = (denominator: tf.Scalar | number): tf.Scalar =>
  tf.reciprocal(tf.add(denominator, DENOMINATOR_EPSILON));
