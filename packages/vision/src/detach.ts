import * as tf from '@tensorflow/tfjs-core';

/** The same values, through which no gradient flows. */
export const detach = tf.customGrad((x) => ({
  value: tf.clone(x as tf.Tensor),
  gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy),
})) as <T extends tf.Tensor>(x: T) => T;
