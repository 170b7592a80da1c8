import { type ImageSizes, sizesOnDevice } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Which anchors have their cell in the area of their own image, padded to a multiple of `divisor` as if it were alone
 * in its batch.
 * Anchors are centred on the upper left corners of cells with a whole stride.
 * @param anchors [a, 4]
 * @returns [b, a] float32, 1 or 0
 */
export function inOwnArea(anchors: tf.Tensor2D, imageSizes: ImageSizes, divisor: number): tf.Tensor2D {
  return tf.tidy(() => {
    // [1, a]
    const [x1, y1, x2, y2] = tf.split(tf.transpose(anchors), 4) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    const padded = tf.mul(tf.ceil(tf.div(sizesOnDevice(imageSizes), divisor)), divisor); // [b, 2]
    // Half a pixel short of the edge: corners are rounded, centres are whole.
    const limit = (axis: 0 | 1): tf.Tensor => tf.sub(tf.slice(padded, [0, axis], [-1, 1]), 0.5);
    const before = (low: tf.Tensor, high: tf.Tensor, axis: 0 | 1): tf.Tensor =>
      tf.less(tf.mul(tf.add(low, high), 0.5), limit(axis));
    return tf.cast(tf.logicalAnd(before(x1, x2, 1), before(y1, y2, 0)), 'float32') as tf.Tensor2D;
  });
}
