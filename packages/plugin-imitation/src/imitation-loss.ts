import { cellError } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

/**
 * `original`: of Wang et al. `pyramid`: of the DeFeat repository, which also divides by the channels and by the levels.
 */
export type FgfiVariant = 'original' | 'pyramid';

/**
 * A level to imitate: maps [b, h, w, c] of the student, behind its adapter, and of the teacher, and what each cell
 * counts, [b, h, w].
 */
export interface MaskedMaps {
  readonly student: tf.Tensor4D;
  readonly teacher: tf.Tensor4D;
  readonly mask: tf.Tensor3D;
}

/**
 * `Σ mask (S - T)² / max(1, 2 N)` over cells and channels, N = Σ mask; the levels add up. `pyramid` has 2 N C below and
 * takes the mean of
 * the levels. Without a cell the level gives 0.
 */
export function imitationLoss(maps: readonly MaskedMaps[], variant: FgfiVariant): tf.Scalar {
  if (maps.length === 0) return tf.scalar(0);
  return tf.tidy(() => {
    const levels = maps.map(({ student, teacher, mask }) => {
      const per = variant === 'original' ? 2 : 2 * teacher.shape[3];
      return tf.div<tf.Scalar>(
        tf.sum(tf.mul(cellError(student, teacher), mask)),
        tf.maximum(tf.mul(tf.sum(mask), per), 1),
      );
    });
    return tf.div(tf.addN(levels), variant === 'original' ? 1 : levels.length);
  });
}
