import * as tf from '@tensorflow/tfjs-core';
import type { Assignment, Instances, Regions, Targets } from './contract/detector.js';
import { gatherMatched } from './gather-matched.js';
import { gatherRows } from './gather-rows.js';

/** Rows of the table for a dense detector: positives beyond this many an image are left out of it. */
export const MAX_INSTANCES = 512;

/** The instances of a dense detector: the positive priors [a, 4]. */
export const priorInstances = ({ matched }: Assignment, priors: tf.Tensor2D, targets: Targets): Instances =>
  instanceTable(matched, (rows) => tf.gather(priors, rows), targets, MAX_INSTANCES);

/** The instances of a two-stage detector: the positive regions. */
export const regionInstances = ({ matched, boxes, maxPositives }: Regions, targets: Targets): Instances =>
  instanceTable(matched, (rows) => gatherRows(boxes, rows), targets, maxPositives);

/**
 * @param matched [b, a] int32: index of the ground truth, negative where there is none
 * @param boxesAt boxes [b, n, 4] of rows [b, n]
 */
function instanceTable(matched: tf.Tensor2D, boxesAt: (rows: tf.Tensor2D) => tf.Tensor, targets: Targets, limit: number): Instances {
  return tf.tidy(() => {
    const a = matched.shape[1];
    const n = Math.min(limit, a);
    // Counting down from a keeps the order of the rows; whole numbers up to 2^24 are exact.
    const order = tf.mul(tf.cast(tf.greaterEqual(matched, 0), 'float32'), tf.range(a, 0, -1)); // [b, a]
    const { values, indices } = tf.topk(order, n);
    const positive = tf.greater(values, 0); // [b, n]
    const mask = tf.cast(positive, 'float32') as tf.Tensor2D;
    const rows = tf.where<tf.Tensor>(positive, indices, tf.scalar(0, 'int32')) as tf.Tensor2D;
    const found = tf.where<tf.Tensor>(positive, gatherRows(matched, rows), tf.scalar(-1, 'int32')) as tf.Tensor2D;
    return {
      mask,
      rows,
      boxes: tf.mul(boxesAt(rows), tf.expandDims(mask, -1)) as tf.Tensor3D,
      matched: found,
      targetBoxes: gatherMatched(targets.boxes, found),
      labels: gatherMatched(targets.labels, found),
    };
  });
}
