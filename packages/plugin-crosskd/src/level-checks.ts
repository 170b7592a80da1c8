import { KdError } from '@kd/core';
import type * as tf from '@tensorflow/tfjs-core';

/** @throws KdError TAP_MISMATCH naming the level when the maps have different sizes */
export function checkFeatures(id: string, level: string, student: tf.Tensor4D, teacher: tf.Tensor4D): void {
  if (student.shape.join() === teacher.shape.join()) return;
  const size = ({ shape: [, h, w, c] }: tf.Tensor4D): string => `${h} x ${w} cells of ${c} channels`;
  throw new KdError('TAP_MISMATCH', `${id}: the maps of level ${level} differ: student ${size(student)}, teacher ${size(teacher)}. Use necks that round sizes alike, or an input size that every stride divides.`);
}

/**
 * Whether a level has a deviation: one cell in all has none.
 * @param options.seen false in the first batch, where such a level is a mistake of the config; later it is left out with a warning
 * @throws KdError CONFIG_INVALID in the first batch
 */
export function hasStatistics(level: string, [b, h, w]: readonly number[], { id, seen, warn }: { readonly id: string; readonly seen: boolean; readonly warn: (message: string) => void }): boolean {
  if (b! * h! * w! > 1) return true;
  if (seen) {
    warn(`${id}: level ${level} has one cell in a batch of one image, which has no deviation to align; the level was left out of such batches.`);
    return false;
  }
  throw new KdError('CONFIG_INVALID', `${id}: level ${level} has one cell in a batch of one image, which has no deviation to align. Train with batchSize 2 or more, with larger images, or leave the level out of student and teacher.`);
}
