import { detach, smoothL1Loss } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { Pair } from './coefficients.js';

export interface GlobalLossOptions {
  /**
   * `smooth-l1` (beta 1) of the weighted coefficients, as published runs trained it; `l2`: half the weighted squares.
   * Default `smooth-l1`.
   */
  readonly kind?: 'smooth-l1' | 'l2';
  /** [n, p] float32: which prototypes count for an instance; all without it */
  readonly scope?: tf.Tensor2D;
  /** [n] float32: 1 for the rows that hold an instance; all without it */
  readonly mask?: tf.Tensor1D;
}

/**
 * The student's coefficients follow the teacher's. `smooth-l1`: the mean over instances and prototypes of the smooth L1
 * loss of w c_s and w c_t;
 * `l2`: the mean over instances of w |c_s - c_t|² / 2. 0 without instances or prototypes. Only the student's
 * coefficients get a gradient.
 * @param coefficients [n, p] each
 * @param weights [n] reliability
 */
export function globalLoss(
  { student, teacher }: Pair,
  weights: tf.Tensor1D,
  { kind = 'smooth-l1', scope, mask }: GlobalLossOptions = {},
): tf.Scalar {
  const [n, p] = student.shape;
  if (n === 0 || p === 0) return tf.scalar(0);
  return tf.tidy(() => {
    const [target, trust] = [detach(teacher), tf.expandDims(detach(weights), 1)]; // [n, p], [n, 1]
    const there = mask ? tf.expandDims(mask, 1) : tf.ones([n, 1]); // [n, 1]
    const counted = scope ? tf.mul(scope, there) : tf.mul(tf.ones([1, p]), there); // [n, p]
    if (kind === 'l2') {
      const squares = tf.mul(tf.mul(tf.square(tf.sub(student, target)), trust), counted);
      return tf.div(tf.sum(squares), tf.mul(tf.maximum(tf.sum(there), 1), 2)) as tf.Scalar;
    }
    const losses = smoothL1Loss(tf.mul(student, trust), tf.mul(target, trust), 1);
    return tf.div(tf.sum(tf.mul(losses, counted)), tf.maximum(tf.sum(counted), 1)) as tf.Scalar;
  });
}
