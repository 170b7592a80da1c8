import type * as tf from '@tensorflow/tfjs-core';
import { KdError } from '../errors.js';

/** @throws KdError TAP_MISMATCH naming the level when the maps have different sizes */
export const checkSameMaps = (id: string, level: string, student: tf.Tensor4D, teacher: tf.Tensor4D): void =>
  checkSame(id, level, { student, teacher }, ({ shape }) => shape.join());

/** As `checkSameMaps`, whatever the channels. */
export const checkSameCells = (id: string, level: string, student: tf.Tensor4D, teacher: tf.Tensor4D): void =>
  checkSame(id, level, { student, teacher }, ({ shape }) => shape.slice(0, 3).join());

function checkSame(
  id: string,
  level: string,
  { student, teacher }: { readonly student: tf.Tensor4D; readonly teacher: tf.Tensor4D },
  compared: (map: tf.Tensor4D) => string,
): void {
  if (compared(student) === compared(teacher)) return;
  const size = ({ shape: [, h, w, c] }: tf.Tensor4D): string => `${h} x ${w} cells of ${c} channels`;
  throw new KdError(
    'TAP_MISMATCH',
    `${id}: the maps of level ${level} differ: student ${size(student)}, teacher ${size(teacher)}. Use necks that round sizes alike, or an input size that every stride divides.`,
  );
}
