import * as tf from '@tensorflow/tfjs-core';
import type { Assignment, Instances, Regions, Targets } from '../contract/detector.js';
import { firstRows } from './first-rows.js';
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
function instanceTable(
  matched: tf.Tensor2D,
  boxesAt: (rows: tf.Tensor2D) => tf.Tensor,
  targets: Targets,
  limit: number,
): Instances {
  return tf.tidy(() => {
    const marks = tf.cast(tf.greaterEqual(matched, 0), 'float32') as tf.Tensor2D;
    // One row at least: TensorFlow.js has no gradient of a sum over none.
    const { rows, on } = firstRows(marks, Math.max(1, Math.min(limit, matched.shape[1])));
    const mask = tf.cast(on, 'float32') as tf.Tensor2D; // [b, n]
    const found = tf.where<tf.Tensor>(on, gatherRows(matched, rows), tf.scalar(-1, 'int32')) as tf.Tensor2D;
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
