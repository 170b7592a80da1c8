import { softKl } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

export interface ResponseLossOptions {
  readonly temperature?: number;
  /** [n] reliability; 1 without it */
  readonly weights?: tf.Tensor1D;
  /** [n] float32: 1 for the rows that hold an instance; all without it */
  readonly mask?: tf.Tensor1D;
}

/**
 * Softened class distributions of the student's instances learn from the teacher's: the mean over instances of w T²/C
 * Σ_c p (log p - log q), with
 * a mean over the classes. 0 without instances. Logits of one-stage detectors go through a softmax all the same, as in
 * published runs.
 * @param student [n, c] logits
 * @param teacher [n, c] logits of the same instances
 */
export function responseLoss(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  { temperature = 2, weights, mask }: ResponseLossOptions = {},
): tf.Scalar {
  const n = student.shape[0];
  if (n === 0) return tf.scalar(0);
  return tf.tidy(() => {
    const divergence = softKl(student, teacher, { temperature, bins: 'mean' }); // [n]
    const there = mask ?? tf.ones([n]);
    const counted = weights ? tf.mul(there, weights) : there;
    return tf.div(tf.sum(tf.mul(divergence, counted)), tf.maximum(tf.sum(there), 1)) as tf.Scalar;
  });
}
