import type { Assignment, Detector, DetectorOutput, Priors, Targets } from '@kd/core';
import {
  BACKGROUND,
  bceWithLogits,
  flattenLevels,
  gatherMatched,
  giouLoss,
  iouLogLoss,
  sigmoidFocalLossSum,
} from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { matchedBoxes } from './assign.js';
import type { FcosConfig } from './options.js';

export interface TermOptions
  extends Pick<FcosConfig, 'flavour' | 'boxLoss' | 'strides' | 'lossWeights'>,
    Pick<FcosConfig['head'], 'normOnBbox'> {
  readonly classes: number;
  readonly decode: Detector['decode'];
}

/**
 * Focal loss over all points, box loss and centerness over the positives, each divided by the positives of the whole
 * batch
 * (at least 1). mmdetection weighs the box loss of a point by its centerness target, and divides it by their sum.
 * @param output of a forward call with `training`
 */
export function fcosTerms(
  output: DetectorOutput,
  priors: Priors,
  assignment: Assignment & { readonly centerness: tf.Tensor2D },
  targets: Targets,
  options: TermOptions,
): { classification: tf.Scalar; bbox_regression: tf.Scalar; bbox_ctrness: tf.Scalar } {
  const { classes, flavour, lossWeights: weigh } = options;
  return tf.tidy(() => {
    const { matched, positives, centerness } = assignment;
    const positive = tf.greaterEqual(matched, tf.scalar(0, 'int32')); // [b, a]
    const counted = tf.cast(positive, 'float32');
    const normaliser = denominator(tf.maximum(tf.sum(positives), 1), flavour);

    const logits = flattenLevels(output.predictions['cls']!, classes); // [b, a, k]
    const labels = tf.where<tf.Tensor>(
      positive,
      gatherMatched(targets.labels, matched),
      tf.scalar(BACKGROUND, 'int32'),
    ) as tf.Tensor2D;
    const total = (sum: tf.Tensor, divisor: tf.Tensor, weight: number): tf.Scalar =>
      tf.mul(tf.div(tf.sum(sum), divisor), weight);
    const classification = total(sigmoidFocalLossSum(logits, labels), normaliser, weigh.classification);

    const quality = tf.squeeze(flattenLevels(output.predictions['centerness']!, 1), [2]); // [b, a]
    const bbox_ctrness = total(tf.mul(bceWithLogits(quality, centerness), counted), normaliser, weigh.centerness);

    const perPoint = boxLosses(output, priors, assignment, targets, options); // [b, a]
    const [weights, divisor] =
      flavour === 'mmdet'
        ? [centerness, denominator(tf.maximum(tf.sum(centerness), 1e-6), flavour)]
        : [counted, normaliser];
    return {
      classification,
      bbox_regression: total(tf.mul(perPoint, weights), divisor, weigh.box),
      bbox_ctrness,
    };
  });
}

/** mmdetection adds float32's epsilon to every divisor. */
const denominator = (sum: tf.Tensor, flavour: TermOptions['flavour']): tf.Tensor =>
  flavour === 'mmdet' ? tf.add(sum, 2 ** -23) : sum;

/** [b, a] of the decoded boxes, finite everywhere. */
function boxLosses(
  output: DetectorOutput,
  priors: Priors,
  assignment: Assignment,
  targets: Targets,
  { flavour, boxLoss, normOnBbox, strides, decode }: TermOptions,
): tf.Tensor {
  const maps = output.predictions['reg']!;
  // Overlaps do not depend on the unit: what training predicts in strides is decoded in pixels.
  // [b, a, 4]
  const codes = flattenLevels(normOnBbox ? maps.map((map, level) => tf.mul(map, strides[level]!)) : maps, 4);
  const boxes = decode(codes, priors);
  const wanted = matchedBoxes(priors, assignment, targets);
  if (boxLoss === 'iou') return iouLogLoss(boxes, wanted);
  return flavour === 'mmdet' ? giouLoss(boxes, wanted, { eps: 1e-6, floor: true }) : giouLoss(boxes, wanted);
}
