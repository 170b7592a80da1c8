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

/** Where torchvision's smooth L1 turns from square to linear, in both stages. */
export const BETA = 1 / 9;

/** Means over the sampled anchors of the batch: objectness of all of them, and boxes of the positives. */
export function rpnTerms(
  { predictions }: DetectorOutput,
  priors: Priors,
  { matched }: Assignment,
  targets: Targets,
  sampled: tf.Tensor2D,
): { loss_objectness: tf.Scalar; loss_rpn_box_reg: tf.Scalar } {
  return tf.tidy(() => {
    const count = tf.maximum(tf.sum(sampled), 1);
    const positive = tf.greaterEqual(matched, tf.scalar(0, 'int32')); // [b, a]
    const label = tf.cast(positive, 'float32');
    const logits = tf.squeeze(flattenLevels(predictions['cls']!, 1), [2]); // [b, a]
    const codes = flattenLevels(predictions['reg']!, 4); // [b, a, 4]
    // Anchors without an object take themselves as their box, so that what the mask drops is finite.
    const boxes = tf.where(
      tf.expandDims(positive, 2),
      gatherMatched(targets.boxes, matched),
      tf.expandDims(priors.boxes, 0),
    );
    const perAnchor = tf.sum(smoothL1Loss(codes, encodeBoxes(boxes, priors.boxes), BETA), 2); // [b, a]
    return {
      loss_objectness: tf.div(tf.sum(tf.mul(bceWithLogits(logits, label), sampled)), count),
      loss_rpn_box_reg: tf.div(tf.sum(tf.mul(perAnchor, tf.mul(sampled, label))), count),
    };
  });
}

export interface BoxTermOptions {
  readonly boxWeights: readonly [number, number, number, number];
  /** Where smooth L1 turns from square to linear; default 1/9. */
  readonly beta?: number;
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
  { boxWeights, beta = BETA }: BoxTermOptions,
): { loss_classifier: tf.Scalar; loss_box_reg: tf.Scalar } {
  return tf.tidy(() => {
    const { boxes, matched } = regions;
    const sampled = tf.cast(tf.greater(matched, tf.scalar(-2, 'int32')), 'float32'); // [b, n]
    const count = tf.maximum(tf.sum(sampled), 1);
    const positive = tf.greaterEqual(matched, tf.scalar(0, 'int32'));
    const isPositive = tf.cast(positive, 'int32');
    // [b, n], 0 background
    const labels = tf.mul(tf.add(gatherMatched(targets.labels, matched), tf.scalar(1, 'int32')), isPositive);
    const entropy = crossEntropy(output.logits, labels); // [b, n]
    return {
      loss_classifier: tf.div(tf.sum(tf.mul(entropy, sampled)), count),
      loss_box_reg: tf.div(
        tf.sum(
          tf.mul(
            regionBoxLoss(output.deltas, labels, {
              boxes,
              positive: positive as tf.Tensor2D,
              wanted: gatherMatched(targets.boxes, matched),
              boxWeights,
              beta,
            }),
            tf.cast(positive, 'float32'),
          ),
        ),
        count,
      ),
    };
  });
}

interface RegionBoxes extends Required<BoxTermOptions> {
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
  const [b, n, columns] = deltas.shape;
  const classes = columns / 4;
  const own =
    classes === 1
      ? deltas
      : // [b, n, 4]
        tf.sum(tf.mul(tf.reshape(deltas, [b, n, classes, 4]), tf.expandDims(oneHot(labels, classes), 3)), 2);
  const unit = tf.tensor3d([[[0, 0, 1, 1]]]);
  const on = tf.expandDims(positive, 2);
  const codes = encodeBoxes(tf.where(on, wanted, unit), tf.where(on, boxes, unit), { weights: boxWeights });
  return tf.sum(smoothL1Loss(own, codes, beta), 2);
}
