import { cellError } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

export interface FeatureLosses {
  /** Inside of the boxes, weighted by the mask; before its factor. */
  readonly foreground: tf.Scalar;
  /** Outside of the boxes; before its factor. */
  readonly background: tf.Scalar;
}

/**
 * Squared differences of two maps in and around the objects, each divided by twice the number of its elements (of the
 * foreground: twice the sum of
 * its weights), at least 1. The teacher and the mask are constants.
 * @param student [b, h, w, c] behind the adapter
 * @param teacher [b, h, w, c]
 * @param mask [b, h, w] weights inside of boxes, 0 outside: see `objectMask`
 */
export function featureLoss(student: tf.Tensor4D, teacher: tf.Tensor4D, mask: tf.Tensor3D): FeatureLosses {
  return tf.tidy(() => {
    const channels = student.shape[3];
    const errors = cellError(student, teacher); // [b, h, w]
    const mean = (weights: tf.Tensor): tf.Scalar =>
      tf.div(tf.sum(tf.mul(errors, weights)), tf.maximum(tf.mul(tf.sum(weights), 2 * channels), 1)) as tf.Scalar;
    return { foreground: mean(mask), background: mean(tf.cast(tf.lessEqual(mask, 0), 'float32')) };
  });
}
