import {
  type CellScores,
  checkSameMaps,
  comparedMaps,
  type Detector,
  KdError,
  type NeckPair,
  neckStrides,
  type PluginScope,
  type StepView,
} from '@kd/core';
import { instanceCells } from '@kd/vision';
import type * as tf from '@tensorflow/tfjs-core';

/** A level of both models: maps [b, h, w, c], and the scores of its cells before activation, [b, h, w, a·k]. */
export interface ScoredMaps {
  /** Behind its adapter. */
  readonly student: tf.Tensor4D;
  readonly teacher: tf.Tensor4D;
  readonly studentScores: tf.Tensor4D;
  readonly teacherScores: tf.Tensor4D;
  /** [b, h, w] what a cell counts in terms on features, and in terms on scores; 1 without it. */
  readonly featureWeights?: tf.Tensor3D | undefined;
  readonly scoreWeights?: tf.Tensor3D | undefined;
}

/** The compared levels of a step. @throws KdError TAP_MISMATCH when maps and scores do not belong together */
export function scoredLevels(
  { id, student, teacher }: PluginScope,
  step: StepView,
  pairs: readonly NeckPair[],
  scores: CellScores,
): ScoredMaps[] {
  const trust = step.weights.get();
  return comparedMaps(id, step, pairs).map(({ pair, ...maps }) => {
    const place = placeOf(student, pair.stride);
    const studentScores = step.student.predictions['cls']?.[place];
    const teacherScores = step.teacher.predictions['cls']?.[placeOf(teacher, pair.stride)];
    const [, height, width] = maps.student.shape;
    if (studentScores?.shape[1] !== height || studentScores.shape[2] !== width || teacherScores === undefined) {
      throw new KdError(
        'TAP_MISMATCH',
        `${id}: the cells of level ${pair.student.name} (${height} x ${width}) have no scores of their own. Name levels of the neck that the heads read in taps.`,
      );
    }
    const [own, taught] = [scores.shared('student', studentScores), scores.shared('teacher', teacherScores)];
    checkSameMaps(id, `${pair.student.name} of the scores`, own, taught);
    const levelWeights = trust?.levels[place];
    return {
      ...maps,
      studentScores: own,
      teacherScores: taught,
      featureWeights: levelWeights && instanceCells(levelWeights, step, { stride: pair.stride, height, width }),
    };
  });
}

/** The levels with what their cells count in terms on scores. */
export function withScoreWeights(
  levels: readonly ScoredMaps[],
  step: StepView,
  pairs: readonly NeckPair[],
): readonly ScoredMaps[] {
  const trust = step.weights.get();
  if (trust === null) return levels;
  return levels.map((level, i) => {
    const [, height, width] = level.student.shape;
    return {
      ...level,
      scoreWeights: instanceCells(trust.response, step, { stride: pairs[i]!.stride, height, width }),
    };
  });
}

const placeOf = (detector: Detector, stride: number): number => neckStrides(detector).indexOf(stride);
