import * as tf from '@tensorflow/tfjs-core';

/** Adds `values` [b, k] up at the rows [b, k] int32 of each image: [b, count], 0 elsewhere. */
export function scatterRows(rows: tf.Tensor2D, values: tf.Tensor, count: number): tf.Tensor2D {
  const b = rows.shape[0];
  const first = tf.expandDims(tf.mul(tf.range(0, b, 1, 'int32'), tf.scalar(count, 'int32')), 1); // [b, 1]
  const at = tf.reshape(tf.add(rows, first), [-1, 1]);
  return tf.reshape(tf.scatterND(at, tf.reshape(values, [-1]), [b * count]), [b, count]);
}
