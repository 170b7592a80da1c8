import { type Adapter, applyAdapter, KdError, parseOptions } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { featureLoss } from './pkd-loss.js';
import { lossSchema, type LossSettings, type PkdLossOptions } from './settings.js';

/** What may come with every level; `null` in a list means none for that level. */
export interface LevelExtras {
  /** Brings the student's channels to the teacher's, before anything else. */
  readonly adapters?: readonly (Adapter | null)[];
}

/**
 * The loss over several levels: each is a mean over its own elements, then they are added, so that a level counts the
 * same
 * whatever its size.
 * @param students [n, h, w, c] a level
 * @param teachers [n, h, w, c] a level
 * @throws KdError USAGE when lists or shapes do not fit, CONFIG_INVALID for options that do not
 */
export function pkdLevels(
  students: readonly tf.Tensor4D[],
  teachers: readonly tf.Tensor4D[],
  options: PkdLossOptions = {},
  extras: LevelExtras = {},
): tf.Scalar {
  return levelsLoss(students, teachers, parseOptions(lossSchema, options, 'pkdLevels'), extras);
}

/** {@link pkdLevels} with settings that have been parsed. */
export function levelsLoss(
  students: readonly tf.Tensor4D[],
  teachers: readonly tf.Tensor4D[],
  settings: LossSettings,
  { adapters }: LevelExtras = {},
): tf.Scalar {
  for (const [what, list] of Object.entries({ "teacher's maps": teachers, adapters })) {
    if (list && list.length !== students.length)
      throw new KdError(
        'USAGE',
        `pkd: ${students.length} maps of the student and ${list.length} ${what}; pass one a level.`,
      );
  }
  if (students.length === 0) return tf.scalar(0);
  return tf.tidy(() =>
    tf.addN(
      students.map((student, i) => {
        const adapter = adapters?.[i];
        return featureLoss(adapter ? applyAdapter(student, adapter) : student, teachers[i]!, settings);
      }),
    ),
  );
}
