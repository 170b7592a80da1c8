import type { Assignment, DetectorOutput, Priors, RegionOutput, Regions, Targets } from '@kd/core';
import {
  bceWithLogits,
  crossEntropy,
  encodeBoxes,
  flattenLevels,
  gatherMatched,
  oneHot,
  smoothL1Loss,
} from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { FLAVOURS } from './flavours.js';
import type { FirstStageConfig } from './options.js';

/**
 * Sums over the sampled anchors of the batch divided by their number: objectness of all of them, and boxes of the
 * positives.
 */
export function rpnTerms(
  { predictions }: DetectorOutput,
  priors: Priors,
  { matched }: Assignment,
  targets: Targets,
  sampled: tf.Tensor2D,
  { flavour, rpn, lossWeights }: Pick<FirstStageConfig, 'flavour' | 'rpn' | 'lossWeights'>,
): { loss_objectness: tf.Scalar; loss_rpn_box_reg: tf.Scalar } {
  return tf.tidy(() => {
    const positive = tf.greaterEqual(matched, tf.scalar(0, 'int32')); // [b, a]
    const label = tf.cast(positive, 'float32');
    const count = FLAVOURS[flavour].divisor(label, sampled);
    const total = (perAnchor: tf.Tensor, weight: number): tf.Scalar => tf.mul(tf.div(tf.sum(perAnchor), count), weight);
    const logits = tf.squeeze(flattenLevels(predictions['cls']!, 1), [2]); // [b, a]
    const codes = flattenLevels(predictions['reg']!, 4); // [b, a, 4]
    // Anchors without an object take themselves as their box, so that what the mask drops is finite.
    const boxes = tf.where(
      tf.expandDims(positive, 2),
      gatherMatched(targets.boxes, matched),
      tf.expandDims(priors.boxes, 0),
    );
    const perAnchor = tf.sum(smoothL1Loss(codes, encodeBoxes(boxes, priors.boxes), rpn.beta), 2); // [b, a]
    return {
      loss_objectness: total(tf.mul(bceWithLogits(logits, label), sampled), lossWeights.objectness),
      loss_rpn_box_reg: total(tf.mul(perAnchor, tf.mul(sampled, label)), lossWeights.rpnBox),
    };
  });
}

export interface BoxTermOptions {
  readonly boxWeights: readonly [number, number, number, number];
  /** Where smooth L1 turns from square to linear; 0 is L1. */
  readonly beta: number;
  /** Of both losses. */
  readonly weights: { readonly classification: number; readonly box: number };
}

/** Sampled regions and what the head says of them. */
export interface BoxSamples {
  readonly regions: Pick<Regions, 'boxes' | 'matched'>;
  readonly output: Pick<RegionOutput, 'logits' | 'deltas'>;
}

/**
 * Means over the sampled regions of the batch: cross-entropy of all of them, and the deltas of the true class of the
 * positives.
 */
export function boxTerms(
  { regions, output }: BoxSamples,
  targets: Targets,
  { boxWeights, beta, weights }: BoxTermOptions,
): { loss_classifier: tf.Scalar; loss_box_reg: tf.Scalar } {
  return tf.tidy(() => {
    const { boxes, matched } = regions;
    const sampled = tf.cast(tf.greater(matched, tf.scalar(-2, 'int32')), 'float32'); // [b, n]
    const count = tf.maximum(tf.sum(sampled), 1);
    const positive = tf.greaterEqual(matched, tf.scalar(0, 'int32'));
    const isPositive = tf.cast(positive, 'float32');
    const labels = regionLabels(regions, targets); // [b, n]
    const entropy = crossEntropy(output.logits, labels); // [b, n]
    const perRegion = regionBoxLoss(output.deltas, labels, {
      boxes,
      positive: positive as tf.Tensor2D,
      wanted: gatherMatched(targets.boxes, matched),
      boxWeights,
      beta,
    }); // [b, n]
    const total = (sum: tf.Tensor, weight: number): tf.Scalar => tf.mul(tf.div(tf.sum(sum), count), weight);
    return {
      loss_classifier: total(tf.mul(entropy, sampled), weights.classification),
      loss_box_reg: total(tf.mul(perRegion, isPositive), weights.box),
    };
  });
}

/** [b, n] int32: the class of each region counted from 1, 0 background. */
export const regionLabels = ({ matched }: Pick<Regions, 'matched'>, { labels }: Targets): tf.Tensor2D =>
  tf.tidy(() => {
    const positive = tf.cast(tf.greaterEqual(matched, tf.scalar(0, 'int32')), 'int32');
    return tf.mul(tf.add(gatherMatched(labels, matched), tf.scalar(1, 'int32')), positive) as tf.Tensor2D;
  });

/** [b, n, 4]: the deltas of the class of each region, or the only ones there are. */
export function deltasOf(deltas: tf.Tensor3D, labels: tf.Tensor): tf.Tensor3D {
  const [b, n, columns] = deltas.shape;
  const classes = columns / 4;
  if (classes === 1) return deltas;
  return tf.tidy(() =>
    tf.sum(tf.mul(tf.reshape(deltas, [b, n, classes, 4]), tf.expandDims(oneHot(labels, classes), 3)), 2),
  );
}

interface RegionBoxes extends Pick<BoxTermOptions, 'boxWeights' | 'beta'> {
  /** [b, n, 4] */
  readonly boxes: tf.Tensor3D;
  /** [b, n] bool */
  readonly positive: tf.Tensor2D;
  /** [b, n, 4] ground truth of the positives */
  readonly wanted: tf.Tensor3D;
}

/**
 * Smooth L1 of the deltas of the true class, or of the only ones there are; meaningful for positives, finite for all.
 * [b, n]
 */
function regionBoxLoss(
  deltas: tf.Tensor3D,
  labels: tf.Tensor,
  { boxes, positive, wanted, boxWeights, beta }: RegionBoxes,
): tf.Tensor {
  const own = deltasOf(deltas, labels); // [b, n, 4]
  const unit = tf.tensor3d([[[0, 0, 1, 1]]]);
  const on = tf.expandDims(positive, 2);
  const codes = encodeBoxes(tf.where(on, wanted, unit), tf.where(on, boxes, unit), { weights: boxWeights });
  return tf.sum(smoothL1Loss(own, codes, beta), 2);
}
