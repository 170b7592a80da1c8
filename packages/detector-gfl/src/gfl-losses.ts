import type { Assignment, DetectorOutput, Priors, Targets } from '@kd/core';
import { BACKGROUND, boxIou, decodeDistributions, flattenLevels, giouLoss, oneHot, qualityFocalLoss } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { distributionFocalLoss } from './distribution-focal.js';
import { encodeStrides } from './gfl-coder.js';
import type { GflConfig } from './options.js';
import { matchesOf } from './positives.js';

export interface GflTerms extends Record<string, tf.Scalar> {
  readonly classification: tf.Scalar;
  readonly bbox_regression: tf.Scalar;
  readonly bbox_distribution: tf.Scalar;
}

export interface GflLossOptions {
  readonly classes: number;
  readonly bins: number;
  readonly weights: GflConfig['lossWeights'];
}

/**
 * As mmdetection has them. The quality focal loss (target: the IoU of the predicted box with its object) is a sum over
 * the batch divided by
 * its positives, each image counting as one at least. GIoU and distribution focal loss of positives are weighted by the
 * highest
 * class score of the anchor and divided by the sum of these weights, at least 1; the latter is a mean over the four
 * sides.
 */
export function gflTerms(
  output: DetectorOutput,
  priors: Priors,
  assignment: Assignment,
  targets: Targets,
  { classes, bins, weights }: GflLossOptions,
): GflTerms {
  return tf.tidy(() => {
    const { positive, labels, boxes, count } = matchesOf(priors, assignment, targets);
    const logits = flattenLevels(output.predictions['cls']!, classes); // [b, a, k]
    const codes = flattenLevels(output.predictions['reg']!, 4 * bins); // [b, a, 4·bins]
    const [b, a] = positive.shape;
    const decoded = decodeDistributions(codes, priors, bins); // [b, a, 4]

    const quality = tf.mul(
      constantOf(decoded, (pred) => pairIou(pred, boxes)),
      positive,
    ); // [b, a]
    const counted = tf.cast(tf.greaterEqual(labels, tf.scalar(BACKGROUND, 'int32')), 'float32');
    const wanted = tf.mul(oneHot(labels, classes), tf.expandDims(quality, 2)); // [b, a, k]
    const focal = tf.mul(tf.sum(qualityFocalLoss(logits, wanted), 2), counted);

    const sure = tf.mul(
      constantOf(logits, (cls) => tf.sigmoid(tf.max(cls, 2))),
      positive,
    ); // [b, a]
    const giou = giouLoss(decoded, boxes, { eps: 1e-6, floor: true }); // [b, a]
    // [b, a, 4]
    const sides = distributionFocalLoss(tf.reshape(codes, [b, a, 4, bins]), encodeStrides(boxes, priors, bins));
    const total = (perAnchor: tf.Tensor, by: tf.Tensor, weight: number): tf.Scalar =>
      tf.mul(tf.div(tf.sum(perAnchor), by), weight);
    const confidence = tf.maximum(tf.sum(sure), 1);
    return {
      classification: total(focal, count, weights.classification),
      bbox_regression: total(tf.mul(giou, sure), confidence, weights.box),
      bbox_distribution: total(tf.mul(tf.mean(sides, 2), sure), confidence, weights.distribution),
    };
  });
}

/** `compute(x)`, off the tape. */
function constantOf<T extends tf.Tensor>(x: T, compute: (x: T) => tf.Tensor): tf.Tensor {
  return tf.customGrad((v) => ({ value: compute(v as T), gradFunc: () => tf.zeros(x.shape) }))(x);
}

/** IoU of boxes [b, a, 4] with as many others: [b, a] */
function pairIou(pred: tf.Tensor3D, boxes: tf.Tensor3D): tf.Tensor {
  const [b, a] = pred.shape;
  const single = (of: tf.Tensor3D): tf.Tensor => tf.reshape(of, [b * a, 1, 4]);
  return tf.reshape(boxIou(single(pred), single(boxes)), [b, a]);
}
