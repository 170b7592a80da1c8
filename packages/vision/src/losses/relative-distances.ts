import * as tf from '@tensorflow/tfjs-core';
import { chunksOf } from '../chunks.js';

/** Which rows of a set there are, and which pairs of them. */
export interface RowPairs {
  /** [n] what a row counts among others, 0 for padding */
  readonly weights: tf.Tensor1D;
  /** [n, n] 1 for pairs of two different rows that are both there */
  readonly pairs: tf.Tensor2D;
  /** Rows that there are. */
  readonly count: tf.Scalar;
}

/**
 * @param mask [n] 1 for rows that there are, 0 for padding
 * @param weights [n] what each counts; 1 without it
 */
export function rowPairs(mask: tf.Tensor1D, weights?: tf.Tensor1D): RowPairs {
  const n = mask.shape[0];
  const pairs = tf.mul(tf.mul(tf.expandDims(mask, 1), tf.expandDims(mask, 0)), tf.sub(1, tf.eye(n))) as tf.Tensor2D;
  return { weights: weights ? tf.mul(weights, mask) : mask, pairs, count: tf.sum(mask) };
}

/** A loss and its gradient as forces between rows: row i moves by Σ_j pull_ij (x_j - x_i). */
export interface RowPull {
  readonly loss: tf.Scalar;
  /** [n, n], nothing on the diagonal */
  readonly pull: tf.Tensor2D;
}

/** Squared distances are at least this, and have no slope below. */
export const LEAST_SQUARE = 1e-12;

/**
 * [n, d] -> [n, n], 0 exactly where two rows are the same: from differences row by row, which keep the digits that
 * products of whole rows lose where rows are close.
 */
export function squaredRowDistances(x: tf.Tensor2D): tf.Tensor2D {
  const [n, d] = x.shape;
  const parts = chunksOf(n, n * d).map(({ from, count }) =>
    tf.tidy(() => {
      const rows = tf.expandDims(tf.slice(x, [from, 0], [count, d]), 1);
      return tf.sum(tf.squaredDifference(tf.expandDims(x, 0), rows), 2) as tf.Tensor2D;
    }),
  );
  return tf.concat(parts);
}

/** Distances [n, n] over their mean. */
export function relativeDistances(squares: tf.Tensor2D, { pairs, count }: RowPairs) {
  const distances = tf.mul(tf.sqrt(tf.maximum(squares, LEAST_SQUARE)), pairs); // [n, n]
  const mean: tf.Scalar = tf.divNoNan(tf.sum(distances), tf.mul(count, tf.sub(count, 1)));
  return { distances, mean, relative: tf.divNoNan(distances, mean) };
}

/**
 * Smooth L1 of the relative distances of two sets of rows, from their squared distances; a mean over n² (Park et al.,
 * "Relational Knowledge Distillation", CVPR 2019). Nothing here is seen by a gradient tape.
 */
export function distancePull(student: tf.Tensor2D, teacher: tf.Tensor2D, pairs: RowPairs): RowPull {
  const own = relativeDistances(student, pairs);
  const { value, slope } = smoothL1Slope(tf.sub(own.relative, relativeDistances(teacher, pairs).relative));
  const counts = tf.divNoNan(outerProduct(pairs.weights, pairs.weights), tf.square(pairs.count)); // [n, n]
  const slopes = tf.mul(slope, counts);
  // The mean moves with every distance.
  const drift = tf.divNoNan(tf.sum(tf.mul(slopes, own.relative)), tf.mul(pairs.count, tf.sub(pairs.count, 1)));
  const apart = tf.cast(tf.greater(student, LEAST_SQUARE), 'float32');
  const byDistance = tf.mul(tf.divNoNan(tf.sub(slopes, drift), own.mean), tf.mul(pairs.pairs, apart));
  return { loss: tf.sum(tf.mul(value, counts)), pull: tf.mul(tf.divNoNan(byDistance, own.distances), -2) };
}

/** Smooth L1 with beta 1, and its slope. */
export function smoothL1Slope(difference: tf.Tensor): { readonly value: tf.Tensor; readonly slope: tf.Tensor } {
  const slope = tf.clipByValue(difference, -1, 1);
  // d²/2 inside, |d| - 1/2 outside.
  return { value: tf.mul(slope, tf.sub(difference, tf.mul(slope, 0.5))), slope };
}

export const outerProduct = (a: tf.Tensor1D, b: tf.Tensor1D): tf.Tensor =>
  tf.mul(tf.expandDims(a, 1), tf.expandDims(b, 0));

/** Where a pull moves the rows: Σ_j pull_ij (x_j - x_i), [n, d]. */
export const pulledRows = (pull: tf.Tensor2D, x: tf.Tensor2D): tf.Tensor2D =>
  tf.sub(tf.matMul(pull, x), tf.mul(tf.sum(pull, 1, true), x));
