import {
  chunksOf,
  LEAST_SQUARE,
  outerProduct,
  relativeDistances,
  type RowPairs,
  type RowPull,
  smoothL1Slope,
} from '@kd/vision';
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
  pairs: RowPairs,
  duplicates: Duplicates,
): { readonly direction: tf.Tensor2D; readonly slope: tf.Tensor2D } {
  const { squares } = geometry;
  const limit: tf.Scalar =
    duplicates === 'reference'
      ? tf.scalar(0)
      : tf.maximum(LEAST_SQUARE, tf.square(tf.mul(relativeDistances(squares, pairs).mean, CLOSE)));
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
export function anglePull(student: Geometry, teacher: Geometry, pairs: RowPairs, duplicates: Duplicates): RowPull {
  const inverse = inverses(student, pairs, duplicates);
  const own = cosines(student, inverse.direction); // [n, n, n]
  const { value, slope } = smoothL1Slope(tf.sub(own, cosines(teacher, inverses(teacher, pairs, duplicates).direction)));
  const { weights, count } = pairs;
  // [n, n, n]
  const counts = tf.divNoNan(tf.mul(outerProduct(weights, weights), tf.reshape(weights, [-1, 1, 1])), tf.pow(count, 3));
  const slopes = tf.mul(tf.mul(slope, counts), 2); // of direction ij towards direction ik, and the other way round
  const towards = tf.mul(slopes, tf.mul(tf.expandDims(inverse.slope, 2), tf.expandDims(inverse.direction, 1)));
  // A direction does not change along itself.
  const along = tf.mul(tf.mul(inverse.slope, inverse.direction), tf.sum(tf.mul(slopes, own), 2)); // [n, n]
  const atVertex = tf.sub(along, tf.sum(towards, 2));
  const pull = tf.addN([tf.sum(towards, 0), tf.transpose(atVertex), tf.sub(along, tf.sum(towards, 1))]);
  return { loss: tf.sum(tf.mul(value, counts)), pull: tf.mul(pull, pairs.pairs) as tf.Tensor2D };
}

const above = (x: tf.Tensor, limit: tf.Scalar | number): tf.Tensor => tf.cast(tf.greater(x, limit), 'float32');
