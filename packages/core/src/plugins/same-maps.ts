import type * as tf from '@tensorflow/tfjs-core';
import { KdError } from '../errors.js';

/** @throws KdError TAP_MISMATCH naming the level when the maps have different sizes */
export function checkSameMaps(id: string, level: string, student: tf.Tensor4D, teacher: tf.Tensor4D): void {
  if (student.shape.join() === teacher.shape.join()) return;
  const size = ({ shape: [, h, w, c] }: tf.Tensor4D): string => `${h} x ${w} cells of ${c} channels`;
  throw new KdError(
    'TAP_MISMATCH',
    `${id}: the maps of level ${level} differ: student ${size(student)}, teacher ${size(teacher)}. Use necks that round sizes alike, or an input size that every stride divides.`,
  );
}
