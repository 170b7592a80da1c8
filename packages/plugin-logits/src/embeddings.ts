import { gatherRows, type InstanceOutput, KdError, type StepView, type TapPair } from '@kd/core';
import { cropPool } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

/** One vector an instance of either model, [n, d] and [n, d']. */
export interface Embeddings {
  readonly student: tf.Tensor2D;
  readonly teacher: tf.Tensor2D;
}

/** Pooled regions of two second stages at rows [b, m] of the instances. */
export function ofRegions(step: StepView, rows: tf.Tensor2D, embedding: 'flatten' | 'mean'): Embeddings {
  const count = rows.size;
  const vectors = ({ features }: InstanceOutput): tf.Tensor2D => {
    const picked = gatherRows<tf.Tensor5D>(features!, rows); // [b, m, s, s, c]
    return tf.reshape(embedding === 'mean' ? tf.mean(picked, [2, 3]) : picked, [count, -1]);
  };
  return { student: vectors(step.student.ofInstances), teacher: vectors(step.teacher.ofInstances) };
}

/** Crops of every level, a set of embeddings each. */
export const ofLevels = (step: StepView, rows: tf.Tensor2D, pairs: readonly TapPair[]): readonly Embeddings[] => {
  const boxes = gatherRows<tf.Tensor3D>(step.instances.boxes, rows); // [b, m, 4]
  return pairs.map((pair) => ({
    student: cropped(step.student.tap(pair.student), boxes, pair.stride),
    teacher: cropped(step.teacher.tap(pair.teacher), boxes, pair.stride),
  }));
};

/** [b, m, 4] -> [b·m, c] */
function cropped(map: tf.Tensor4D, boxes: tf.Tensor3D, stride: number): tf.Tensor2D {
  return tf.reshape(cropPool(map, boxes, stride), [boxes.shape[0] * boxes.shape[1], map.shape[3]]);
}

/**
 * Each instance's crop of the level that its prior belongs to.
 * @throws KdError TAP_MISMATCH when levels and priors do not belong together
 */
export function ofOwnLevel(id: string, step: StepView, rows: tf.Tensor2D, pairs: readonly TapPair[]): Embeddings {
  const { perLevel } = step.priors;
  if (perLevel.length !== pairs.length) {
    throw new KdError(
      'TAP_MISMATCH',
      `${id}: ${pairs.length} levels are compared (${pairs.map(({ student }) => student.name).join(', ')}), and the student has priors on ${perLevel.length}. Name the levels that the head reads in neck.`,
    );
  }
  const prior = tf.reshape(gatherRows(step.instances.rows, rows), [-1]); // [b·m]
  const own = pairs.map((_, level) => {
    const first = perLevel.slice(0, level).reduce((sum, n) => sum + n, 0);
    const inside = tf.logicalAnd(
      tf.greaterEqual(prior, tf.scalar(first, 'int32')),
      tf.less(prior, tf.scalar(first + perLevel[level]!, 'int32')),
    );
    return tf.expandDims(tf.cast(inside, 'float32'), 1); // [b·m, 1]
  });
  const levels = ofLevels(step, rows, pairs);
  const of = (role: keyof Embeddings): tf.Tensor2D =>
    tf.addN(levels.map((level, i) => tf.mul<tf.Tensor2D>(level[role], own[i]!)));
  return { student: of('student'), teacher: of('teacher') };
}
