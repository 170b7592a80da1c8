import type { StagedHead } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { alignScale } from './align.js';

export interface Crossed {
  /** [b, h, w, c]: the student's feature with the teacher's statistics; without `align` as it is */
  readonly aligned: tf.Tensor4D;
  /** The maps of the branch as the teacher's head predicts them from it, e.g. `{ reg, centerness }`. */
  readonly maps: Readonly<Record<string, tf.Tensor4D>>;
}

/**
 * Cross-head predictions of one branch and level: the student's feature behind `i` blocks, aligned to the teacher's,
 * goes through the rest
 * of the teacher's head (Wang et al., "CrossKD", CVPR 2024). Gradients flow to the student's feature.
 * @param student [b, h, w, c]
 * @param teacher [b, h, w, c], at the same place of the teacher's head: a constant
 * @param options.align default true
 */
export function crossHead(
  head: StagedHead,
  branch: string,
  { student, teacher }: { readonly student: tf.Tensor4D; readonly teacher: tf.Tensor4D },
  { level, i, align = true }: { readonly level: number; readonly i: number; readonly align?: boolean },
): Crossed {
  const aligned = align ? alignScale(student, teacher) : student;
  // Alignment moves values below 0, where a tower has none; the pyramid itself has both signs.
  return { aligned, maps: head.run(branch, i > 0 ? tf.relu(aligned) : aligned, { level, from: i }) };
}
