import * as tf from '@tensorflow/tfjs-core';

/** |x| with the gradient sign(x), which is 0 at 0 (that of `tf.abs` is -1 there). */
export const absolute = tf.customGrad((x, save) => {
  (save as tf.GradSaveFunc)([x as tf.Tensor]);
  return {
    value: tf.abs(x as tf.Tensor),
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(dy, tf.sign(saved[0]!)),
  };
}) as <T extends tf.Tensor>(x: T) => T;
