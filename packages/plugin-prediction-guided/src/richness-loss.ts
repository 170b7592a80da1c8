import { KdError, untaped } from '@kd/core';
import { cellError, softQualityFocal } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { ScoredMaps } from './scored-levels.js';

export interface RichnessLosses {
  readonly feature: tf.Scalar;
  readonly classification: tf.Scalar;
}

/** Less than that is as good as no richness at all, and divides nothing. */
const LEAST_SUM = 1e-30;

/**
 * Feature richness: every cell counts as much as the teacher's best score there, over priors and classes. `Σ M (S -
 * T)² / Σ M` over cells and channels, and the same of the binary cross-entropy of the student's scores with the
 * teacher's; the levels add up. The teacher is a constant. Du et al., "Distilling Object Detectors with Feature
 * Richness", NeurIPS 2021.
 * @throws KdError USAGE when shapes do not fit
 */
export function richnessLoss(levels: readonly ScoredMaps[]): RichnessLosses {
  const parts = levels.map((level, i) => {
    checkLevel('frs', i, level);
    const { student, teacher, studentScores, teacherScores, featureWeights, scoreWeights } = level;
    const share = richness(teacherScores); // [b, h, w]
    const counted = (weights: tf.Tensor3D | undefined): tf.Tensor3D => (weights ? tf.mul(share, weights) : share);
    const entropy = softQualityFocal(studentScores, teacherScores, { beta: 0 }); // [b, h, w]
    return {
      feature: tf.sum<tf.Scalar>(tf.mul(cellError(student, teacher), counted(featureWeights))),
      classification: tf.sum<tf.Scalar>(tf.mul(entropy, counted(scoreWeights))),
    };
  });
  const sum = (part: keyof RichnessLosses): tf.Scalar =>
    parts.length === 0 ? tf.scalar(0) : tf.addN(parts.map((one) => one[part]));
  return { feature: sum('feature'), classification: sum('classification') };
}

/** The teacher's best score of each cell over the sum of all: [b, h, w, a·k] -> [b, h, w] */
const richness = (scores: tf.Tensor4D): tf.Tensor3D =>
  untaped(() =>
    tf.tidy(() => {
      const best = tf.sigmoid(tf.max(scores, 3)); // [b, h, w]
      return tf.div<tf.Tensor3D>(best, tf.maximum(tf.sum(best), LEAST_SUM));
    }),
  );

/** @throws KdError USAGE when maps or scores of a level do not fit */
export function checkLevel(
  method: string,
  level: number,
  { student, teacher, studentScores, teacherScores }: ScoredMaps,
): void {
  const told = ({ shape }: tf.Tensor): string => `[${shape.join(', ')}]`;
  const same = (a: tf.Tensor, b: tf.Tensor): boolean => told(a) === told(b);
  const cells = ({ shape }: tf.Tensor): string => shape.slice(0, 3).join();
  if (same(student, teacher) && same(studentScores, teacherScores) && cells(student) === cells(studentScores)) return;
  throw new KdError(
    'USAGE',
    `${method}: level ${level} has maps ${told(student)} and ${told(teacher)}, scores ${told(studentScores)} and ${told(teacherScores)}: both models need the same shapes, and scores the cells of the maps; an adapter brings channels together.`,
  );
}
