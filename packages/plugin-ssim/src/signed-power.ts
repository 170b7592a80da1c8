import * as tf from '@tensorflow/tfjs-core';

/** δ²: how close to 0 the power turns smooth. */
const DELTA2 = 1e-6;
const SCALE = 1 / (1 + DELTA2);

/**
 * z · ((z² + δ²)/(1 + δ²))^((p-1)/2): odd, smooth and strictly increasing, sign(z)·|z|^p away from 0, ±1 at ±1, and the
 * constant 1 for p = 0. A plain power gives NaN for negative structure and, with an even exponent, rewards
 * anti-correlation.
 */
export function power(z: tf.Tensor, p: number): tf.Tensor {
  if (p === 0) return tf.onesLike(z);
  if (p === 1) return z;
  return tf.mul(z, tf.pow(smoothSquare(z), (p - 1) / 2));
}

/** The derivative of {@link power}. */
export function powerSlope(z: tf.Tensor, p: number): tf.Tensor {
  if (p === 0) return tf.zerosLike(z);
  if (p === 1) return tf.onesLike(z);
  const u = smoothSquare(z);
  return tf.add(tf.pow(u, (p - 1) / 2), tf.mul(tf.mul(tf.square(z), (p - 1) * SCALE), tf.pow(u, (p - 3) / 2)));
}

const smoothSquare = (z: tf.Tensor): tf.Tensor => tf.add(tf.mul(tf.square(z), SCALE), DELTA2 * SCALE);
