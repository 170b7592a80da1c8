import * as tf from '@tensorflow/tfjs-core';
import type { BankLevel, BankLevelInfo } from './bank-format.js';

/** The prototypes of one level on the device. */
export interface LevelPrototypes {
  /** [p, dt] as pooled */
  readonly teacher: tf.Tensor2D;
  /** [p, ds] */
  readonly student: tf.Tensor2D;
  /** [p] int32: class of each */
  readonly labels: tf.Tensor1D;
  /** [classes + 1]: class c owns rows `offsets[c]` to `offsets[c + 1]`, in order of selection */
  readonly offsets: ArrayLike<number>;
}

/** The caller disposes the tensors. */
export function levelPrototypes(
  { teacher, student, offsets }: Pick<BankLevel, 'teacher' | 'student' | 'offsets'>,
  info: Pick<BankLevelInfo, 'teacherChannels' | 'studentChannels'>,
): LevelPrototypes {
  const p = offsets.at(-1)!;
  const labels = Int32Array.from({ length: p }, (_, row) => offsets.findLastIndex((first) => first <= row));
  return {
    teacher: tf.tensor2d(teacher, [p, info.teacherChannels]),
    student: tf.tensor2d(student, [p, info.studentChannels]),
    labels: tf.tensor1d(labels, 'int32'),
    offsets,
  };
}
