import * as tf from '@tensorflow/tfjs-core';

/** Mean 0 and deviation 1 over the last axis, without a gain. */
export function layerNorm<T extends tf.Tensor>(x: T, epsilon: number): T {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.mean(tf.square(centred), -1, true);
  return tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon))) as T;
}
