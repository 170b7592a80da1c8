import * as tf from '@tensorflow/tfjs-core';

/**
 * The same values, through which no gradient flows. The tape sees no way from `x` to the result: whatever has no
 * gradient, such as a
 * comparison, may follow it.
 */
export function detach<T extends tf.Tensor>(x: T): T {
  // An input of its own, since the tape follows inputs.
  const constant = tf.customGrad(() => ({ value: tf.clone(x), gradFunc: (): tf.Tensor => tf.scalar(0) }));
  return tf.tidy(() => constant(tf.scalar(0)) as T);
}
