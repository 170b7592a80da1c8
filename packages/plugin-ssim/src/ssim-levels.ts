import { type Adapter, applyAdapter, KdError, nonNegative, parseOptions } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { lossEntries } from './settings.js';
import { featureLoss } from './ssim-loss.js';

export const levelEntries = {
  ...lossEntries,
  /**
   * `ssim`, or what the paper compares it with after the same normalisation: `l1` is mean |S - T|, `l2` mean (S - T)².
   */
  loss: v.optional(v.picklist(['ssim', 'l1', 'l2']), 'ssim'),
  levels: v.optional(v.picklist(['sum', 'mean']), 'sum'),
};

const levelsSchema = v.strictObject({
  ...levelEntries,
  weight: v.optional(nonNegative, 1),
});

export type SsimLevelsOptions = v.InferInput<typeof levelsSchema>;
export type LevelsSettings = v.InferOutput<typeof levelsSchema>;

/** What may come with every level; a list shorter than the levels is an error, `null` in it means none. */
export interface LevelExtras {
  /** [n, h, w, 1] a level */
  readonly weights?: readonly (tf.Tensor4D | null)[];
  /** Brings the student's channels to the teacher's, before any normalisation. */
  readonly adapters?: readonly (Adapter | null)[];
}

/**
 * The loss over several levels: each is averaged over its own elements, then they are added, so that large levels do
 * not
 * outweigh small ones.
 * @param students [n, h, w, c] a level
 * @param teachers [n, h, w, c] a level
 * @throws KdError USAGE when lists or shapes do not fit, CONFIG_INVALID for options that do not
 */
export function ssimLevels(
  students: readonly tf.Tensor4D[],
  teachers: readonly tf.Tensor4D[],
  options: SsimLevelsOptions = {},
  extras: LevelExtras = {},
): tf.Scalar {
  return levelsLoss(students, teachers, parseOptions(levelsSchema, options, 'ssimLevels'), extras);
}

/** {@link ssimLevels} with settings that have been parsed. */
export function levelsLoss(
  students: readonly tf.Tensor4D[],
  teachers: readonly tf.Tensor4D[],
  settings: LevelsSettings,
  { weights, adapters }: LevelExtras = {},
): tf.Scalar {
  for (const [what, list] of Object.entries({ "teacher's maps": teachers, weights, adapters })) {
    if (list && list.length !== students.length)
      throw new KdError(
        'USAGE',
        `ssim: ${students.length} maps of the student and ${list.length} ${what}; pass one a level.`,
      );
  }
  const losses = students.map((student, i) => {
    const adapter = adapters?.[i];
    return featureLoss(
      adapter ? applyAdapter(student, adapter) : student,
      teachers[i]!,
      settings.loss,
      settings,
      weights?.[i] ?? undefined,
    );
  });
  if (losses.length === 0) return tf.scalar(0);
  // An empty level's loss is 0 and must not count in a mean.
  const counted = students.filter((student) => student.size > 0).length;
  return tf.mul(tf.addN(losses), settings.levels === 'mean' ? settings.weight / Math.max(1, counted) : settings.weight);
}
