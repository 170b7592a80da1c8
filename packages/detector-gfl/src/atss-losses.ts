import type { Assignment, DetectorOutput, Priors, Targets } from '@kd/core';
import { bceWithLogits, flattenLevels, giouLoss, sigmoidFocalLossSum } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { decodeDeltas } from './atss-coder.js';
import type { AtssConfig } from './options.js';
import { matchesOf } from './positives.js';

export interface AtssTerms extends Record<string, tf.Scalar> {
  readonly classification: tf.Scalar;
  readonly bbox_regression: tf.Scalar;
  readonly bbox_ctrness: tf.Scalar;
}

/**
 * As mmdetection has them. Classification (focal loss) and centerness (binary cross-entropy, positives) are sums over
 * the batch divided
 * by its positives, each image counting as one at least; the GIoU loss of positives is weighted by their centerness and
 * divided by the sum
 * of that, at least 1.
 */
export function atssTerms(
  output: DetectorOutput,
  priors: Priors,
  assignment: Assignment,
  targets: Targets,
  { classes, weights }: { readonly classes: number; readonly weights: AtssConfig['lossWeights'] },
): AtssTerms {
  return tf.tidy(() => {
    const { positive, labels, boxes, count } = matchesOf(priors, assignment, targets);
    const total = (perAnchor: tf.Tensor, by: tf.Scalar, weight: number): tf.Scalar =>
      tf.mul(tf.div(tf.sum(perAnchor), by), weight);

    const focal = sigmoidFocalLossSum(flattenLevels(output.predictions['cls']!, classes), labels); // [b]
    const centerness = assignment.centerness!; // [b, a], 0 where there is no object
    const giou = giouLoss(decodeDeltas(flattenLevels(output.predictions['reg']!, 4), priors.boxes), boxes, {
      eps: 1e-6,
      floor: true,
    }); // [b, a]
    const logits = tf.squeeze(flattenLevels(output.predictions['centerness']!, 1), [2]); // [b, a]
    return {
      classification: total(focal, count, weights.classification),
      bbox_regression: total(tf.mul(giou, centerness), tf.maximum(tf.sum(centerness), 1), weights.box),
      bbox_ctrness: total(tf.mul(bceWithLogits(logits, centerness), positive), count, weights.centerness),
    };
  });
}
