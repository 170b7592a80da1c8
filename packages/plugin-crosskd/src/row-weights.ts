import type { Assignment } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/** Rows of the levels, [b, n] each, from rows of a batch [b, a]. */
export const splitLevels = (rows: tf.Tensor, perLevel: readonly number[]): tf.Tensor[] =>
  tf.split(rows, [...perLevel], 1);

/** [b, a]: 1 for positives and background, 0 for what the student's assignment ignores. */
export const labelWeights = ({ matched }: Assignment): tf.Tensor =>
  tf.cast(tf.greater(matched, tf.scalar(-2, 'int32')), 'float32');

/** [b, a]: 1 for positives */
export const positiveMask = ({ matched }: Assignment): tf.Tensor =>
  tf.cast(tf.greaterEqual(matched, tf.scalar(0, 'int32')), 'float32');

/**
 * Weights of the student's priors for the teacher's: themselves where both have as many a cell, else every prior of a
 * cell gets the largest
 * of its student's.
 * @param rows [b, cells · from] of one level
 * @returns [b, cells · to]
 */
export function perCell(rows: tf.Tensor, from: number, to: number): tf.Tensor {
  if (from === to) return rows;
  const [b, n] = rows.shape as [number, number];
  const largest = tf.max(tf.reshape(rows, [b, n / from, from]), 2, true); // [b, cells, 1]
  return tf.reshape(tf.tile(largest, [1, 1, to]), [b, (n / from) * to]);
}

/**
 * How sure the teacher is of each row: the sigmoid of its largest logit.
 * @param logits [b, h, w, a·k]
 * @returns [b, h·w·a]
 */
export const confidence = (logits: tf.Tensor4D, classes: number): tf.Tensor =>
  tf.sigmoid(tf.max(tf.reshape(logits, [logits.shape[0], -1, classes]), 2));
