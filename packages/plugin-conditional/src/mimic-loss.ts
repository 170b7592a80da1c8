import { KdError, untaped } from '@kd/core';
import { layerNorm } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { headsOf } from './attention.js';
import { type Linear, linear } from './linear.js';

/** How the loss is averaged, and the epsilon of its norm, as the two public codes have it. */
export const VARIANTS = { torch: 1e-5, megengine: 1e-4 } as const;

export type MimicVariant = keyof typeof VARIANTS;

export interface MimicInputs {
  /** [b, l, c] of the student */
  readonly student: tf.Tensor3D;
  /** [b, l, c] of the teacher, with another c: its values as the helper projects them, a constant here */
  readonly values: tf.Tensor3D;
  /** [b, heads, i, l] of the helper */
  readonly attention: tf.Tensor4D;
  /** [b, i] 1 for objects, 0 for fakes and padding */
  readonly real: tf.Tensor2D;
  /** [b, i, l] what an object counts at a cell; 1 without it */
  readonly trust?: tf.Tensor3D | undefined;
}

export interface MimicOptions {
  /** `torch`: every image and head is averaged by itself. `megengine`: all of them together. */
  readonly variant?: MimicVariant;
  /** Added to the variance of the values; by default that of the variant's code. */
  readonly eps?: number;
}

/** Sums of weights are at least that. */
const LEAST_SUM = 1e-6;

/**
 * What the student has under the objects, as the helper looks at them, learns from what the teacher has there: squared
 * differences of projected values, each head normalised by itself, weighted by the attention of the objects. Gradients
 * reach the student and its projection; attention and values of the teacher are constants.
 * Kang et al., "Instance-Conditional Knowledge Distillation for Object Detection", NeurIPS 2021.
 * @param projection of the student's values
 * @throws KdError USAGE when shapes do not fit
 */
export function mimicLoss(
  { student, values, attention, real, trust }: MimicInputs,
  projection: Linear,
  { variant = 'torch', eps = VARIANTS[variant] }: MimicOptions = {},
): tf.Scalar {
  const [b, heads, , cells] = attention.shape;
  if (student.shape[1] !== cells || values.shape[1] !== cells || student.shape[0] !== b)
    throw new KdError(
      'USAGE',
      `icd: attention [${attention.shape.join(', ')}] over cells of the student [${student.shape.join(', ')}] and of the teacher [${values.shape.join(', ')}]: images and cells must be the same.`,
    );
  const own = layerNorm(headsOf(linear(student, projection), heads), eps); // [b, l, heads, d]
  const taught = untaped(() => tf.tidy(() => layerNorm(headsOf(values, heads), eps)));
  // [2, b, l, heads]: with trust in objects, and without it, by which is divided
  const weights = untaped(() =>
    tf.tidy(() => {
      const looked = tf.mul(attention, tf.reshape(real, [b, 1, -1, 1])); // [b, heads, i, l]
      const all = tf.sum(looked, 2); // [b, heads, l]
      const trusted = trust ? tf.sum(tf.mul(looked, tf.expandDims(trust, 1)), 2) : all;
      return tf.transpose(tf.stack([trusted, all]), [0, 1, 3, 2]);
    }),
  );
  const [trusted, all] = tf.unstack(weights) as [tf.Tensor3D, tf.Tensor3D];
  const error = tf.mul(tf.mean(tf.squaredDifference(own, taught), 3), trusted); // [b, l, heads]
  const share = (axes?: number[]): tf.Tensor => tf.div(1, tf.maximum(tf.sum(all, axes), LEAST_SUM));
  return variant === 'torch'
    ? tf.mean(tf.mul(tf.sum(error, 1), share([1])))
    : tf.mul<tf.Scalar>(tf.sum(error), share());
}
