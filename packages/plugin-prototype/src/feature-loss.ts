import * as tf from '@tensorflow/tfjs-core';

export interface FeatureLosses {
  /** Inside of the boxes, weighted by the mask; before its factor. */
  readonly foreground: tf.Scalar;
  /** Outside of the boxes; before its factor. */
  readonly background: tf.Scalar;
}

/**
 * Squared differences of two maps in and around the objects, each divided by twice the number of its elements (of the foreground: twice the sum of
 * its weights), at least 1. The teacher and the mask are constants.
 * @param student [b, h, w, c] behind the adapter
 * @param teacher [b, h, w, c]
 * @param mask [b, h, w] weights inside of boxes, 0 outside: see `objectMask`
 */
export function featureLoss(student: tf.Tensor4D, teacher: tf.Tensor4D, mask: tf.Tensor3D): FeatureLosses {
  return tf.tidy(() => {
    const channels = student.shape[3];
    const errors = squaredErrors(student, teacher); // [b, h, w]
    const mean = (weights: tf.Tensor): tf.Scalar => tf.div(tf.sum(tf.mul(errors, weights)), tf.maximum(tf.mul(tf.sum(weights), 2 * channels), 1)) as tf.Scalar;
    return { foreground: mean(mask), background: mean(tf.cast(tf.lessEqual(mask, 0), 'float32')) };
  });
}

/** Σ_c (s - t)² of every cell, [b, h, w]; one map is kept for the gradient, instead of several. */
function squaredErrors(student: tf.Tensor4D, teacher: tf.Tensor4D): tf.Tensor3D {
  return tf.customGrad((x, save) => {
    const difference = tf.sub(x as tf.Tensor4D, teacher);
    (save as tf.GradSaveFunc)([difference]);
    return {
      value: tf.sum(tf.square(difference), 3),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(saved[0]!, tf.expandDims(tf.mul(dy, 2), 3)),
    };
  })(student) as tf.Tensor3D;
}
