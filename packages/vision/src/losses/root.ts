import * as tf from '@tensorflow/tfjs-core';

/** The square root with the slope 0 at 0, where that of `tf.sqrt` is infinite. */
export const root = tf.customGrad((x, save) => {
  const value = tf.sqrt(x as tf.Tensor);
  (save as tf.GradSaveFunc)([value]);
  return { value, gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.divNoNan(tf.mul(dy, 0.5), saved[0]!) };
}) as <T extends tf.Tensor>(x: T) => T;
