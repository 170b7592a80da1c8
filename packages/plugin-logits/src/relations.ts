import { chunksOf } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

/** How the rows of a set lie to each other. */
export interface Geometry {
  /** [n, n] squared distances, 0 exactly where two rows are the same */
  readonly squares: tf.Tensor2D;
  /** [n, n, n] inner products of x_j - x_i and x_k - x_i, at i, j, k */
  readonly inner: tf.Tensor3D;
}

/** From differences row by row, which keep the digits that products of whole rows lose where rows are close. */
export function geometryOf(x: tf.Tensor2D): Geometry {
  const [n, d] = x.shape;
  const parts = chunksOf(n, n * d).map(({ from, count }) =>
    tf.tidy((): [tf.Tensor2D, tf.Tensor3D] => {
      const differences = tf.sub(
        tf.expandDims(x, 0),
        tf.expandDims(tf.slice(x, [from, 0], [count, d]), 1),
      ) as tf.Tensor3D; // [count, n, d]
      return [tf.sum(tf.square(differences), 2), tf.matMul(differences, differences, false, true)];
    }),
  );
  return { squares: tf.concat(parts.map(([squares]) => squares)), inner: tf.concat(parts.map(([, inner]) => inner)) };
}

/** Which rows and pairs there are. */
export interface Pairs {
  /** [n] what a row counts among others, 0 for padding */
  readonly weights: tf.Tensor1D;
  /** [n, n] 1 for pairs of two different rows that are both there */
  readonly pairs: tf.Tensor2D;
  /** Rows that there are. */
  readonly count: tf.Scalar;
}

/**
 * A loss and its gradient as forces between rows: row i moves by Σ_j pull_ij (x_j - x_i).
 */
export interface Pull {
  readonly loss: tf.Scalar;
  /** [n, n], nothing on the diagonal */
  readonly pull: tf.Tensor2D;
}

/** Squared distances are at least this, and have no slope below. */
const LEAST_SQUARE = 1e-12;

/** Smooth L1 with beta 1, and its slope. */
function smoothL1(difference: tf.Tensor): { value: tf.Tensor; slope: tf.Tensor } {
  const slope = tf.clipByValue(difference, -1, 1);
  // d²/2 inside, |d| - 1/2 outside.
  return { value: tf.mul(slope, tf.sub(difference, tf.mul(slope, 0.5))), slope };
}

/** Distances over their mean. */
function relative({ squares }: Geometry, { pairs, count }: Pairs) {
  const distances = tf.mul(tf.sqrt(tf.maximum(squares, LEAST_SQUARE)), pairs); // [n, n]
  const mean: tf.Scalar = tf.divNoNan(tf.sum(distances), tf.mul(count, tf.sub(count, 1)));
  return { distances, mean, relative: tf.divNoNan(distances, mean) };
}

/** Smooth L1 of the relative distances, a mean over n². */
export function distancePull(student: Geometry, teacher: Geometry, pairs: Pairs): Pull {
  const own = relative(student, pairs);
  const { value, slope } = smoothL1(tf.sub(own.relative, relative(teacher, pairs).relative));
  const counts = tf.divNoNan(outer(pairs.weights, pairs.weights), tf.square(pairs.count)); // [n, n]
  const slopes = tf.mul(slope, counts);
  // The mean moves with every distance.
  const drift = tf.divNoNan(tf.sum(tf.mul(slopes, own.relative)), tf.mul(pairs.count, tf.sub(pairs.count, 1)));
  const byDistance = tf.mul(
    tf.divNoNan(tf.sub(slopes, drift), own.mean),
    tf.mul(pairs.pairs, above(student.squares, LEAST_SQUARE)),
  );
  return { loss: tf.sum(tf.mul(value, counts)), pull: tf.mul(tf.divNoNan(byDistance, own.distances), -2) };
}

/**
 * Two rows on one place: `skip` gives them no direction and no slope; `reference` the slope 1e12 of a direction divided
 * by 1e-12.
 */
export type Duplicates = 'skip' | 'reference';

/** Rows closer than this share of the mean distance have no direction: it would be rounding noise. */
const CLOSE = 1e-4;

/** Inverse lengths of the differences: as factors of the directions, and as factors of the slope. */
function inverses(
  geometry: Geometry,
  pairs: Pairs,
  duplicates: Duplicates,
): { readonly direction: tf.Tensor2D; readonly slope: tf.Tensor2D } {
  const { squares } = geometry;
  const limit: tf.Scalar =
    duplicates === 'reference'
      ? tf.scalar(0)
      : tf.maximum(LEAST_SQUARE, tf.square(tf.mul(relative(geometry, pairs).mean, CLOSE)));
  const apart = tf.mul(pairs.pairs, above(squares, limit));
  const direction = tf.divNoNan(apart, tf.sqrt(squares)) as tf.Tensor2D;
  return {
    direction,
    slope: duplicates === 'skip' ? direction : tf.add(direction, tf.mul(tf.sub(pairs.pairs, apart), 1e12)),
  };
}

const cosines = ({ inner }: Geometry, inverse: tf.Tensor2D): tf.Tensor =>
  tf.mul(inner, tf.mul(tf.expandDims(inverse, 2), tf.expandDims(inverse, 1)));

/** Smooth L1 of the cosines at every row between every two others, a mean over n³. */
export function anglePull(student: Geometry, teacher: Geometry, pairs: Pairs, duplicates: Duplicates): Pull {
  const inverse = inverses(student, pairs, duplicates);
  const own = cosines(student, inverse.direction); // [n, n, n]
  const { value, slope } = smoothL1(tf.sub(own, cosines(teacher, inverses(teacher, pairs, duplicates).direction)));
  const { weights, count } = pairs;
  // [n, n, n]
  const counts = tf.divNoNan(tf.mul(outer(weights, weights), tf.reshape(weights, [-1, 1, 1])), tf.pow(count, 3));
  const slopes = tf.mul(tf.mul(slope, counts), 2); // of direction ij towards direction ik, and the other way round
  const towards = tf.mul(slopes, tf.mul(tf.expandDims(inverse.slope, 2), tf.expandDims(inverse.direction, 1)));
  // A direction does not change along itself.
  const along = tf.mul(tf.mul(inverse.slope, inverse.direction), tf.sum(tf.mul(slopes, own), 2)); // [n, n]
  const atVertex = tf.sub(along, tf.sum(towards, 2));
  const pull = tf.addN([tf.sum(towards, 0), tf.transpose(atVertex), tf.sub(along, tf.sum(towards, 1))]);
  return { loss: tf.sum(tf.mul(value, counts)), pull: tf.mul(pull, pairs.pairs) as tf.Tensor2D };
}

const outer = (a: tf.Tensor1D, b: tf.Tensor1D): tf.Tensor => tf.mul(tf.expandDims(a, 1), tf.expandDims(b, 0));

const above = (x: tf.Tensor, limit: tf.Scalar | number): tf.Tensor => tf.cast(tf.greater(x, limit), 'float32');

/** Σ_j pull_ij (x_j - x_i), [n, d]. */
export const moved = (pull: tf.Tensor2D, x: tf.Tensor2D): tf.Tensor2D =>
  tf.sub(tf.matMul(pull, x), tf.mul(tf.sum(pull, 1, true), x));
