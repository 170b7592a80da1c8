import * as tf from '@tensorflow/tfjs-core';

/** Shorter rows count as zero. */
const SMALLEST_NORM = 1e-12;

/**
 * Rows divided by their Euclidean norm. A row of zeros stays one, and gets no gradient: it points nowhere.
 * @param x [n, d]
 */
export function unitRows(x: tf.Tensor2D): tf.Tensor2D {
  return tf.customGrad((rows, save) => {
    // By the largest element first: squares of small numbers vanish in float32.
    const largest = tf.max(tf.abs(rows as tf.Tensor), 1, true); // [n, 1]
    const scale = tf.div(1, tf.maximum(largest, SMALLEST_NORM));
    const scaled = tf.mul(rows as tf.Tensor, scale);
    const norm = tf.sqrt(tf.sum(tf.square(scaled), 1, true)); // [n, 1] 1 to sqrt(d), or 0
    const inverse = tf.where(tf.greater(largest, SMALLEST_NORM), tf.div(1, tf.maximum(norm, 1)), tf.zerosLike(norm));
    const unit = tf.mul(scaled, inverse);
    (save as tf.GradSaveFunc)([unit, tf.mul(scale, inverse)]);
    return {
      value: unit,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [y, inverseNorm] = saved as [tf.Tensor, tf.Tensor];
        return tf.mul(tf.sub(dy, tf.mul(y, tf.sum(tf.mul(dy, y), 1, true))), inverseNorm);
      },
    };
  })(x) as tf.Tensor2D;
}
