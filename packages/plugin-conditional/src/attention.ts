import * as tf from '@tensorflow/tfjs-core';
import { type Linear, linear } from './linear.js';

/** [b, n, c] -> [b, n, heads, c / heads] */
export const headsOf = (x: tf.Tensor3D, heads: number): tf.Tensor4D =>
  tf.reshape(x, [x.shape[0], x.shape[1], heads, x.shape[2] / heads]);

export interface AttentionInputs {
  /** [b, l, c] of the teacher */
  readonly cells: tf.Tensor3D;
  /** [b, l, c] where each cell lies */
  readonly positions: tf.Tensor3D;
  /** [b, l] 1 for cells in the padding */
  readonly padding: tf.Tensor2D;
  /** [b, i, c] */
  readonly queries: tf.Tensor3D;
}

export interface AttentionLayers {
  readonly query: Linear;
  readonly key: Linear;
  readonly position: Linear;
}

/** What stands for minus infinity: its exponential is 0, and no difference of two is no number. */
const NEVER = -1e9;

/**
 * How much each query looks at each cell: scaled inner products of queries and of features with their places, softmax
 * over the cells of the image.
 * @returns [b, heads, i, l]
 */
export function attention(
  { cells, positions, padding, queries }: AttentionInputs,
  { query, key, position }: AttentionLayers,
  heads: number,
): tf.Tensor4D {
  const split = (x: tf.Tensor3D): tf.Tensor4D => tf.transpose(headsOf(x, heads), [0, 2, 1, 3]);
  const scale = Math.sqrt(cells.shape[2] / heads);
  const asked = split(tf.div(linear(queries, query), scale));
  const seen = split(linear(tf.add(cells, linear(positions, position)), key));
  const hidden = tf.mul(tf.reshape(padding, [padding.shape[0], 1, 1, padding.shape[1]!]), NEVER);
  return tf.softmax(tf.add(tf.matMul(asked, seen, false, true), hidden));
}
