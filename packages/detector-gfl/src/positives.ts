import type { Assignment, Priors, Targets } from '@kd/core';
import { gatherMatched } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

/** What the losses of both detectors need to know of the assignment. */
export interface Matches {
  /** [b, a] float32, 1 for an anchor with an object */
  readonly positive: tf.Tensor2D;
  /** [b, a] int32: the class, -1 background, -2 ignored */
  readonly labels: tf.Tensor2D;
  /** [b, a, 4]: the box of the object; anchors without one have themselves, so that what a mask drops is finite */
  readonly boxes: tf.Tensor3D;
  /** Positives of the batch, an image without any counting as 1. */
  readonly count: tf.Scalar;
}

export function matchesOf({ boxes: anchors }: Priors, { matched, positives }: Assignment, targets: Targets): Matches {
  const found = tf.greaterEqual(matched, tf.scalar(0, 'int32'));
  return {
    positive: tf.cast(found, 'float32') as tf.Tensor2D,
    labels: tf.where(found, gatherMatched(targets.labels, matched), matched) as tf.Tensor2D,
    boxes: tf.where(
      tf.expandDims(found, 2),
      gatherMatched(targets.boxes, matched),
      tf.expandDims(anchors, 0),
    ) as tf.Tensor3D,
    count: tf.sum(tf.maximum(positives, 1)),
  };
}
