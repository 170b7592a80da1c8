import * as tf from '@tensorflow/tfjs-core';

/**
 * The marked rows of each image, in ascending order and in a fixed number of places.
 * @param marks [b, n] float32: 1 for a marked row, else 0
 * @returns rows [b, places] int32, 0 where there are no more, and on [b, places] bool
 */
export function firstRows(
  marks: tf.Tensor2D,
  places: number,
): { readonly rows: tf.Tensor2D; readonly on: tf.Tensor2D } {
  return tf.tidy(() => {
    // Counting down from n keeps the order; whole numbers up to 2^24 are exact.
    const { values, indices } = tf.topk(tf.mul(marks, tf.range(marks.shape[1], 0, -1)), places);
    const on = tf.greater(values, 0) as tf.Tensor2D;
    return { rows: tf.where<tf.Tensor>(on, indices, tf.scalar(0, 'int32')) as tf.Tensor2D, on };
  });
}
