import { checkSameMaps } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { generate, type Generator } from './generator.js';

/** A level: maps of one shape [b, h, w, c], the student's behind its adapter. */
export interface MgdLevel {
  readonly student: tf.Tensor4D;
  readonly teacher: tf.Tensor4D;
  /** [b, h, w, 1] 1 for the cells that stay */
  readonly keep: tf.Tensor4D;
  readonly generator: Generator;
}

/**
 * `Σ (G(keep S) - T)² / b`: the teacher's map from what a mask leaves of the student's; levels add up. Student, adapter
 * and generator get gradients.
 * Yang et al., "Masked Generative Distillation", ECCV 2022.
 */
export function mgdLoss(levels: readonly MgdLevel[]): tf.Scalar {
  if (levels.length === 0) return tf.scalar(0);
  return tf.tidy(() =>
    tf.addN(
      levels.map(({ student, teacher, keep, generator }): tf.Scalar => {
        checkSameMaps('mgd', 'a level', student, teacher);
        const made = generate(tf.mul(student, keep), generator);
        return tf.div(tf.sum(tf.squaredDifference(made, teacher)), student.shape[0]);
      }),
    ),
  );
}
