import { detach } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

/** Cosines of the instances with the prototypes of a level, as student and teacher see them. */
export interface Similarities {
  /** [n, p] */
  readonly student: tf.Tensor2D;
  /** [n, p] */
  readonly teacher: tf.Tensor2D;
  /** [n, p] float32: 1 where the prototype is of the instance's class */
  readonly own: tf.Tensor2D;
}

/** How far each instance can be trusted, [n]; what it gives is clamped to [0, 1]. */
export type ReliabilityRule = (similarities: Similarities) => tf.Tensor1D;

/**
 * 1 - |max_k cos_s - max_k cos_t| over the prototypes of the own class; the two maxima may be of different prototypes.
 */
export const ownClassGap: ReliabilityRule = ({ student, teacher, own }) => {
  // Cosines are in [-1, 1]: three less is below all of them.
  const best = (cosines: tf.Tensor2D): tf.Tensor => tf.max(tf.sub(cosines, tf.mul(tf.sub(1, own), 3)), 1); // [n]
  return tf.sub(1, tf.abs(tf.sub(best(student), best(teacher))));
};

/**
 * The reliability weight of instances: the disagreement of the two descriptions, without a gradient. A class without
 * prototypes gives 1; a value that is
 * not finite gives 0.
 * @param labels [n] int32, of the instances
 * @param prototypeLabels [p] int32
 * @returns [n] in [0, 1]
 */
export function reliability(
  cosines: Omit<Similarities, 'own'>,
  labels: tf.Tensor1D,
  prototypeLabels: tf.Tensor1D,
  rule: ReliabilityRule = ownClassGap,
): tf.Tensor1D {
  const [n, p] = cosines.student.shape;
  if (n === 0 || p === 0) return tf.ones([n]);
  return tf.tidy(() => {
    const own = ownPrototypes(labels, prototypeLabels);
    const weights = rule({ student: detach(cosines.student), teacher: detach(cosines.teacher), own });
    const known = tf.greater(tf.max(own, 1), 0); // [n]
    const finite = tf.where<tf.Tensor>(tf.isFinite(weights), tf.clipByValue(weights, 0, 1), tf.zerosLike(weights));
    return tf.where<tf.Tensor>(known, finite, tf.onesLike(weights)) as tf.Tensor1D;
  });
}

/** [n, p] float32: 1 where the prototype is of the instance's class. */
export const ownPrototypes = (labels: tf.Tensor1D, prototypeLabels: tf.Tensor1D): tf.Tensor2D =>
  tf.tidy(
    () => tf.cast(tf.equal(tf.expandDims(labels, 1), tf.expandDims(prototypeLabels, 0)), 'float32') as tf.Tensor2D,
  );
