import type { Assignment, DetectorOutput, Priors, Targets } from '@kd/core';
import { decodeBoxes, encodeBoxes, gatherMatched, giouLoss, IGNORED, l1Loss, sigmoidFocalLoss, smoothL1Loss } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { RetinaNetConfig } from './options.js';

/** Levels [b, h, w, a·k] side by side as [b, anchors, k]: the channels of a place are `anchor · k + class` already. */
export function flattenLevels(levels: readonly tf.Tensor4D[], k: number): tf.Tensor3D {
  return tf.tidy(() => tf.concat(levels.map((level) => tf.reshape(level, [level.shape[0], -1, k]) as tf.Tensor3D), 1));
}

/**
 * Sums over the anchors of an image, divided by its number of positives (at least 1), then the mean over the images,
 * images without boxes included.
 */
export function retinaTerms(
  output: DetectorOutput,
  priors: Priors,
  assignment: Assignment,
  targets: Targets,
  { classes, boxLoss }: { readonly classes: number; readonly boxLoss: RetinaNetConfig['boxLoss'] },
): { classification: tf.Scalar; bbox_regression: tf.Scalar } {
  return tf.tidy(() => {
    const { matched, positives } = assignment; // [b, a], [b]
    const positive = tf.cast(tf.greaterEqual(matched, tf.scalar(0, 'int32')), 'float32'); // [b, a]
    const normaliser = tf.maximum(positives, 1);
    const meanOverImages = (perAnchor: tf.Tensor): tf.Scalar => tf.mean(tf.div(tf.sum(perAnchor, 1), normaliser));

    const logits = flattenLevels(output.predictions['cls']!, classes); // [b, a, k]
    const labels = gatherMatched(targets.labels, matched); // [b, a]
    const wanted = tf.mul(tf.oneHot(labels, classes, 1, 0, 'float32'), tf.expandDims(positive, 2));
    const counted = tf.cast(tf.notEqual(matched, tf.scalar(IGNORED, 'int32')), 'float32');
    const classification = meanOverImages(tf.mul(tf.sum(sigmoidFocalLoss(logits, wanted), 2), counted));

    const codes = flattenLevels(output.predictions['reg']!, 4); // [b, a, 4]
    // Anchors without an object take themselves as their box, so that what the mask drops is finite.
    const boxes = tf.where(tf.cast(tf.expandDims(positive, 2), 'bool'), gatherMatched(targets.boxes, matched), tf.expandDims(priors.boxes, 0));
    const perAnchor = boxTerm(boxLoss, codes, boxes, priors.boxes); // [b, a]
    return { classification, bbox_regression: meanOverImages(tf.mul(perAnchor, positive)) };
  });
}

function boxTerm(kind: RetinaNetConfig['boxLoss'], codes: tf.Tensor, boxes: tf.Tensor, anchors: tf.Tensor): tf.Tensor {
  if (kind === 'giou') return giouLoss(decodeBoxes(codes, anchors), boxes);
  const wanted = encodeBoxes(boxes, anchors);
  return tf.sum(kind === 'l1' ? l1Loss(codes, wanted) : smoothL1Loss(codes, wanted, 1), 2);
}
