import * as tf from '@tensorflow/tfjs-core';

/**
 * Rows of each image: x [b, a, …] at rows [b, n] int32 gives [b, n, …]. The gradient goes back to the rows, which
 * `tf.gather` with batch
 * dimensions cannot do without the chained operations of TensorFlow.js.
 */
export function gatherRows<T extends tf.Tensor>(x: tf.Tensor, rows: tf.Tensor2D): T {
  const [b, a, ...rest] = x.shape as [number, number, ...number[]];
  const first = tf.expandDims(tf.mul(tf.range(0, b, 1, 'int32'), tf.scalar(a, 'int32')), 1); // [b, 1]
  return tf.gather(tf.reshape(x, [b * a, ...rest]), tf.add(rows, first)) as T;
}
