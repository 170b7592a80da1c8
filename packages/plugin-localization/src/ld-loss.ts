import { aboveZero, KdError, parseOptions } from '@kd/core';
import { softKl } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';

const ldSchema = v.strictObject({
  /** Softens both distributions, and multiplies the loss by its square. */
  temperature: v.optional(aboveZero, 10),
});

export type LdLossOptions = v.InferInput<typeof ldSchema>;

export interface LdRows {
  /** [...] what each box counts; 1 without it */
  readonly weights?: tf.Tensor | undefined;
  /** What the sum is divided by; without it the four sides of a box. */
  readonly averageFactor?: number;
}

/**
 * Localization distillation: the student's distributions over the edges of a box learn the teacher's. `Σ w T² KL(t||s)
 * / bins` over boxes and sides, over the average factor. The teacher is a constant. Zheng et al., "Localization
 * Distillation for Dense Object Detection", CVPR 2022.
 * @param logits [..., 4, bins] of the student
 * @param target [..., 4, bins] of the teacher
 * @throws KdError USAGE when the shapes differ, CONFIG_INVALID for options that cannot be
 */
export function ldLoss(
  logits: tf.Tensor,
  target: tf.Tensor,
  options: LdLossOptions = {},
  { weights, averageFactor = SIDES }: LdRows = {},
): tf.Scalar {
  const { temperature } = parseOptions(ldSchema, options, 'ldLoss');
  return tf.tidy(() => weightedMean(edgeDivergence(logits, target, temperature), weights, averageFactor));
}

/** Sides of a box. */
export const SIDES = 4;

/** Divergence of each box, its bins averaged and its sides added: [..., 4, bins] -> [...] */
export function edgeDivergence(logits: tf.Tensor, target: tf.Tensor, temperature: number): tf.Tensor {
  if (logits.shape.join() !== target.shape.join() || logits.shape.at(-2) !== SIDES) {
    throw new KdError(
      'USAGE',
      `ld: student logits [${logits.shape.join(', ')}] and teacher logits [${target.shape.join(', ')}]: both need the same shape, which ends with the ${SIDES} sides of a box and their bins.`,
    );
  }
  return tf.sum(softKl(logits, target, { temperature, bins: 'mean' }), -1);
}

/** `Σ w x / factor` */
export const weightedMean = (boxes: tf.Tensor, weights: tf.Tensor | undefined, factor: number): tf.Scalar =>
  tf.div(tf.sum(weights === undefined ? boxes : tf.mul(boxes, weights)), factor);
