import * as tf from '@tensorflow/tfjs-core';

/**
 * 1 at the label, 0 elsewhere. `tf.oneHot` refuses a single class; here it is a class like others. A label outside of
 * [0, classes) is no class: its row is 0.
 * @param labels [...] int32
 * @returns [..., classes] of `dtype`
 */
export function oneHot(labels: tf.Tensor, classes: number, dtype: 'float32' | 'bool' = 'float32'): tf.Tensor {
  if (classes > 1) return tf.oneHot(labels, classes, 1, 0, dtype);
  return tf.tidy(() => tf.cast(tf.expandDims(tf.equal(labels, tf.scalar(0, 'int32')), -1), dtype));
}
