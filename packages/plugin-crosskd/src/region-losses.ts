import { pickClasses } from '@kd/core';
import { absolute, oneHot, softKl } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { inverse, weightedSum } from './weighted-sum.js';

/** What a box head says of r regions: logits [r, k + 1], deltas [r, (k + 1)·4], or [r, 4] of no class. */
export interface RegionMaps {
  readonly logits: tf.Tensor2D;
  readonly deltas: tf.Tensor2D;
}

export interface RegionLossOptions {
  /** Index of the teacher's background in the logits. */
  readonly background: number;
  /** Places of the classes that are compared in the teacher's list; all of them without it. */
  readonly classes?: readonly number[];
  readonly temperature: number;
}

/**
 * The terms of a box head: divergence of the softened distributions over classes and background, a mean over the
 * regions; and L1 of the deltas of the teacher's likeliest class, weighted by how sure it is of that, a mean over these
 * weights and the four deltas.
 * @param crossed the student's features through the teacher's rest
 * @param taught what the teacher says of the same regions: constants
 * @param mask [r] float32: 1 for regions that count
 */
export function regionTerms(
  crossed: RegionMaps,
  taught: RegionMaps,
  mask: tf.Tensor1D,
  { background, classes, temperature }: RegionLossOptions,
): { readonly cls: tf.Scalar; readonly reg: tf.Scalar } {
  const ofShared = (logits: tf.Tensor2D): tf.Tensor2D =>
    classes === undefined ? logits : pickClasses(logits, classes, background);
  const shared = ofShared(taught.logits);
  const divergence = softKl(ofShared(crossed.logits), shared, { temperature }); // [r]
  const { column, sure } = likeliest(shared, background, classes);
  const weights = tf.mul(sure, mask);
  const gaps = tf.sum(absolute(tf.sub(deltasAt(crossed.deltas, column), deltasAt(taught.deltas, column))), 1); // [r]
  return {
    cls: tf.mul(weightedSum(divergence, mask), inverse(tf.maximum(tf.sum<tf.Scalar>(mask), 1))),
    reg: tf.mul(weightedSum(gaps, weights), inverse(tf.mul<tf.Scalar>(tf.sum<tf.Scalar>(weights), 4))),
  };
}

/**
 * Of each region the likeliest of the classes: its column in all logits of the teacher [r] int32, and its softmax score
 * [r].
 * @param shared [r, classes + 1] logits of the classes, and of the background
 */
function likeliest(
  shared: tf.Tensor2D,
  background: number,
  classes: RegionLossOptions['classes'],
): { readonly column: tf.Tensor1D; readonly sure: tf.Tensor1D } {
  const all = Array.from({ length: shared.shape[1] - 1 }, (_, place) => place);
  const columns = (classes ?? all).map((place) => (place >= background ? place + 1 : place));
  const scores = pickClasses(
    tf.softmax(shared) as tf.Tensor2D,
    // Behind a choice of classes the background is the last.
    classes === undefined ? columns : columns.map((_, place) => place),
  );
  return {
    column: tf.gather(tf.tensor1d(columns, 'int32'), tf.argMax(scores, 1) as tf.Tensor1D) as tf.Tensor1D,
    sure: tf.max(scores, 1) as tf.Tensor1D,
  };
}

/** [r, 4]: the deltas of a column of the logits each, or the only ones there are. */
function deltasAt(deltas: tf.Tensor2D, column: tf.Tensor1D): tf.Tensor2D {
  const [r, width] = deltas.shape;
  if (width === 4) return deltas;
  const boxes = tf.reshape(deltas, [r, width / 4, 4]);
  return tf.sum(tf.mul(boxes, tf.expandDims(oneHot(column, width / 4), 2)), 1) as tf.Tensor2D;
}
