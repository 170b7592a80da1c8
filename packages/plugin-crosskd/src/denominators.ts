import type { Assignment, DenseInfo } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { inverse } from './weighted-sum.js';

export interface Denominator {
  /** What sums are multiplied by. */
  readonly scale: tf.Scalar;
  /** 1 when the batch has nothing to divide by, else 0; of denominators that can be 0. */
  readonly empty?: tf.Scalar;
}

/** Whether the student's sums are divided by its centerness targets, as FCOS does. */
export const byCenterness = ({ boxes, quality = 'centerness' }: DenseInfo): boolean =>
  boxes === 'distance' && quality === 'centerness';

/**
 * The student's denominator: its positives, at least one an image; of a student that predicts distances the sum of its
 * centerness targets.
 * Where that is 0, the terms are 0; with `parity` they are divided by 1e-6, as the reference does.
 */
export function denominator(student: DenseInfo, { positives, centerness }: Assignment, parity: boolean): Denominator {
  if (!byCenterness(student) || centerness === undefined) return { scale: inverse(tf.sum(tf.maximum(positives, 1))) };
  const sum: tf.Scalar = tf.sum(centerness);
  const divided = inverse(tf.maximum(sum, 1e-6));
  const some = tf.cast(tf.greater(sum, 0), 'float32');
  return { scale: parity ? divided : tf.mul(divided, some), empty: tf.sub(1, some) };
}
