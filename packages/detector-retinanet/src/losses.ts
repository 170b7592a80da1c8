import type { Assignment, DetectorOutput, Priors, Targets } from '@kd/core';
import {
  decodeBoxes,
  encodeBoxes,
  flattenLevels,
  gatherMatched,
  giouLoss,
  l1Loss,
  sigmoidFocalLossSum,
  smoothL1Loss,
} from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { FLAVOURS } from './flavours.js';
import type { RetinaNetConfig } from './options.js';

export interface TermOptions extends Pick<RetinaNetConfig, 'boxLoss' | 'beta' | 'flavour' | 'lossWeights'> {
  readonly classes: number;
}

/**
 * Sums over the anchors of an image; torchvision divides them by the image's number of positives (at least 1) and takes
 * the mean
 * over the images, images without boxes included; mmdet divides their sum by the sum of these numbers.
 */
export function retinaTerms(
  output: DetectorOutput,
  priors: Priors,
  assignment: Assignment,
  targets: Targets,
  { classes, lossWeights, ...options }: TermOptions,
): { classification: tf.Scalar; bbox_regression: tf.Scalar } {
  return tf.tidy(() => {
    const { matched, positives } = assignment; // [b, a], [b]
    const positive = tf.greaterEqual(matched, tf.scalar(0, 'int32')); // [b, a]
    const average = (sums: tf.Tensor1D, weight: number): tf.Scalar =>
      tf.mul(FLAVOURS[options.flavour].average(sums, positives), weight);

    const logits = flattenLevels(output.predictions['cls']!, classes); // [b, a, k]
    // Background and ignored anchors are -1 and -2 to the loss as they are to the assignment.
    const labels = tf.where(positive, gatherMatched(targets.labels, matched), matched) as tf.Tensor2D;
    const classification = average(sigmoidFocalLossSum(logits, labels), lossWeights.classification);

    const codes = flattenLevels(output.predictions['reg']!, 4); // [b, a, 4]
    // Anchors without an object take themselves as their box, so that what the mask drops is finite.
    const boxes = tf.where(
      tf.expandDims(positive, 2),
      gatherMatched(targets.boxes, matched),
      tf.expandDims(priors.boxes, 0),
    );
    const perAnchor = boxTerm(options, codes, boxes, priors.boxes); // [b, a]
    const sums = tf.sum(tf.mul(perAnchor, tf.cast(positive, 'float32')), 1) as tf.Tensor1D;
    return { classification, bbox_regression: average(sums, lossWeights.box) };
  });
}

function boxTerm(
  { boxLoss, beta = 1, flavour }: Pick<RetinaNetConfig, 'boxLoss' | 'beta' | 'flavour'>,
  codes: tf.Tensor,
  boxes: tf.Tensor,
  anchors: tf.Tensor,
): tf.Tensor {
  const { coder, giou } = FLAVOURS[flavour];
  if (boxLoss === 'giou') return giouLoss(decodeBoxes(codes, anchors, coder), boxes, giou);
  const wanted = encodeBoxes(boxes, anchors, coder);
  return tf.sum(boxLoss === 'l1' ? l1Loss(codes, wanted) : smoothL1Loss(codes, wanted, beta), 2);
}
