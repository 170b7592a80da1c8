import { parseOptions, untaped } from '@kd/core';
import { cellError } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { checkLevel } from './richness-loss.js';
import type { ScoredMaps } from './scored-levels.js';

export const pfiEntries = {
  /** What the mean over the cells is of: gap of scores times gap of features, or its square. */
  form: v.optional(v.picklist(['product', 'squared']), 'product'),
  /** No gradient through the gap of scores: it weighs the features alone. */
  detachPrediction: v.optional(v.boolean(), false),
};

const pfiSchema = v.strictObject(pfiEntries);

export type PfiLossOptions = v.InferInput<typeof pfiSchema>;
export type PfiSettings = v.InferOutput<typeof pfiSchema>;

/**
 * Prediction-guided imitation: features count where the scores of both models differ, `mean over cells of P · F` with P
 * the mean squared difference of the scores of a cell and F that of its features; the mean over the levels. The teacher
 * is a constant.
 * Li et al., "Knowledge Distillation for Object Detection via Rank Mimicking and Prediction-guided Feature Imitation",
 * AAAI 2022.
 * @throws KdError USAGE when shapes do not fit, CONFIG_INVALID for options that do not
 */
export const pfiLoss = (levels: readonly ScoredMaps[], options: PfiLossOptions = {}): tf.Scalar =>
  levelsLoss(levels, parseOptions(pfiSchema, options, 'pfiLoss'));

/** {@link pfiLoss} with settings that have been parsed. */
export function levelsLoss(levels: readonly ScoredMaps[], { form, detachPrediction }: PfiSettings): tf.Scalar {
  if (levels.length === 0) return tf.scalar(0);
  const means = levels.map((level, i) => {
    checkLevel('pfi', i, level);
    const { student, teacher, studentScores, teacherScores, featureWeights } = level;
    const gap = (): tf.Tensor3D => scoreGap(studentScores, teacherScores);
    const error = tf.div(cellError(student, teacher), teacher.shape[3]);
    const product = tf.mul<tf.Tensor3D>(detachPrediction ? untaped(gap) : gap(), error);
    const cells = form === 'squared' ? tf.square(product) : product;
    return tf.mean<tf.Scalar>(featureWeights ? tf.mul(cells, featureWeights) : cells);
  });
  return tf.div(tf.addN(means), means.length);
}

/**
 * The mean squared difference of the scores of each cell; only the student's get a gradient. [b, h, w, n] -> [b, h, w]
 */
function scoreGap(student: tf.Tensor4D, teacher: tf.Tensor4D): tf.Tensor3D {
  return tf.customGrad((x, save) => {
    const { value, slope } = tf.tidy(() => {
      const score = tf.sigmoid(x as tf.Tensor4D);
      const difference = tf.sub(score, tf.sigmoid(teacher));
      return {
        value: tf.mean(tf.square(difference), 3),
        slope: tf.mul(tf.mul(difference, 2 / teacher.shape[3]), tf.mul(score, tf.sub(1, score))),
      };
    });
    (save as tf.GradSaveFunc)([slope]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(saved[0]!, tf.expandDims(dy, 3)),
    };
  })(student) as tf.Tensor3D;
}
