import type { Assignment, DetectorOutput, Priors, Targets } from '@kd/core';
import { decodeBoxes, encodeBoxes, flattenLevels, gatherMatched, giouLoss, IGNORED, l1Loss, sigmoidFocalLoss, smoothL1Loss } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { FLAVOURS } from './flavours.js';
import type { RetinaNetConfig } from './options.js';

/**
 * Sums over the anchors of an image; torchvision divides them by the image's number of positives (at least 1) and takes the mean
 * over the images, images without boxes included; mmdet divides their sum by the sum of these numbers.
 */
export function retinaTerms(
  output: DetectorOutput,
  priors: Priors,
  assignment: Assignment,
  targets: Targets,
  { classes, boxLoss, flavour }: { readonly classes: number } & Pick<RetinaNetConfig, 'boxLoss' | 'flavour'>,
): { classification: tf.Scalar; bbox_regression: tf.Scalar } {
  return tf.tidy(() => {
    const { matched, positives } = assignment; // [b, a], [b]
    const positive = tf.cast(tf.greaterEqual(matched, tf.scalar(0, 'int32')), 'float32'); // [b, a]
    const average = (perAnchor: tf.Tensor): tf.Scalar => FLAVOURS[flavour].average(tf.sum(perAnchor, 1), positives);

    const logits = flattenLevels(output.predictions['cls']!, classes); // [b, a, k]
    const labels = gatherMatched(targets.labels, matched); // [b, a]
    const wanted = tf.mul(tf.oneHot(labels, classes, 1, 0, 'float32'), tf.expandDims(positive, 2));
    const counted = tf.cast(tf.notEqual(matched, tf.scalar(IGNORED, 'int32')), 'float32');
    const classification = average(tf.mul(tf.sum(sigmoidFocalLoss(logits, wanted), 2), counted));

    const codes = flattenLevels(output.predictions['reg']!, 4); // [b, a, 4]
    // Anchors without an object take themselves as their box, so that what the mask drops is finite.
    const boxes = tf.where(tf.cast(tf.expandDims(positive, 2), 'bool'), gatherMatched(targets.boxes, matched), tf.expandDims(priors.boxes, 0));
    const perAnchor = boxTerm({ boxLoss, flavour }, codes, boxes, priors.boxes); // [b, a]
    return { classification, bbox_regression: average(tf.mul(perAnchor, positive)) };
  });
}

function boxTerm({ boxLoss, flavour }: Pick<RetinaNetConfig, 'boxLoss' | 'flavour'>, codes: tf.Tensor, boxes: tf.Tensor, anchors: tf.Tensor): tf.Tensor {
  const { coder, giou } = FLAVOURS[flavour];
  if (boxLoss === 'giou') return giouLoss(decodeBoxes(codes, anchors, coder), boxes, giou);
  const wanted = encodeBoxes(boxes, anchors, coder);
  return tf.sum(boxLoss === 'l1' ? l1Loss(codes, wanted) : smoothL1Loss(codes, wanted, 1), 2);
}
