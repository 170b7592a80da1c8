import * as tf from '@tensorflow/tfjs-core';
import { unitRows } from './unit-rows.js';

/** What student and teacher make of the same instances or prototypes: [n, ds] and [n, dt]. */
export interface Pair {
  readonly student: tf.Tensor2D;
  readonly teacher: tf.Tensor2D;
}

/**
 * The cosine of every instance with every prototype; 0 where one of the two is zero.
 * @param features [n, d]
 * @param prototypes [p, d]
 * @returns [n, p]
 */
export function cosines(features: tf.Tensor2D, prototypes: tf.Tensor2D): tf.Tensor2D {
  if (features.shape[0] === 0 || prototypes.shape[0] === 0) return tf.zeros([features.shape[0], prototypes.shape[0]]);
  return tf.tidy(() => tf.matMul(unitRows(features), unitRows(prototypes), false, true));
}

export interface PursuitOptions {
  /** Class c owns the prototypes `offsets[c]` to `offsets[c + 1]`, in order of selection. */
  readonly offsets: ArrayLike<number>;
  /** lambda: how much an instance is described alike in both spaces; 0 projects each on its own. */
  readonly similarity: number;
}

/** Coefficients [n, m] in both spaces; `used` [n, m] is 1 where there is a prototype, and they are 0 elsewhere. */
export interface PursuitCoefficients extends Pair {
  readonly used: tf.Tensor2D;
}

/**
 * Coefficients of every instance on the prototypes of its own class, one prototype after the other in order of
 * selection, each by the closed form for
 * one more prototype (section "Prototype generation" of Tang et al., ECCV 2022), all rows at unit length.
 * @param features rows of instances
 * @param prototypes of all classes
 * @param labels [n] int32
 * @returns m is the number of prototypes of the largest class
 */
export function pursuitCoefficients(
  features: Pair,
  prototypes: Pair,
  labels: tf.Tensor1D,
  { offsets, similarity }: PursuitOptions,
): PursuitCoefficients {
  const n = labels.shape[0];
  const counts = Array.from({ length: offsets.length - 1 }, (_, c) => offsets[c + 1]! - offsets[c]!);
  const most = Math.max(0, ...counts);
  if (n === 0 || most === 0) return { student: tf.zeros([n, 0]), teacher: tf.zeros([n, 0]), used: tf.zeros([n, 0]) };
  const share = 1 / (1 + 2 * similarity); // det = 1 + 2 lambda of unit rows
  return tf.tidy(() => {
    const first = tf.gather(
      tf.tensor1d(
        Array.from(counts, (_, c) => offsets[c]!),
        'int32',
      ),
      labels,
    );
    const count = tf.gather(tf.tensor1d(counts, 'int32'), labels);
    const [p, q] = [unitRows(prototypes.teacher), unitRows(prototypes.student)];
    let [teacher, student] = [unitRows(features.teacher), unitRows(features.student)];
    const columns: { teacher: tf.Tensor; student: tf.Tensor; used: tf.Tensor }[] = [];
    for (let k = 0; k < most; k++) {
      const used = tf.cast(tf.greater(count, tf.scalar(k, 'int32')), 'float32'); // [n]
      const rows = tf.minimum(tf.add(first, tf.scalar(k, 'int32')), tf.scalar(p.shape[0] - 1, 'int32')) as tf.Tensor1D;
      const own = (all: tf.Tensor2D): tf.Tensor2D => tf.mul(tf.gather(all, rows), tf.expandDims(used, 1)); // [n, d]
      const [pk, qk] = [own(p), own(q)];
      const [a, b] = [tf.sum(tf.mul(teacher, pk), 1), tf.sum(tf.mul(student, qk), 1)]; // [n]
      const wt = tf.mul(tf.add(tf.mul(a, 1 + similarity), tf.mul(b, similarity)), tf.mul(used, share));
      const ws = tf.mul(tf.add(tf.mul(b, 1 + similarity), tf.mul(a, similarity)), tf.mul(used, share));
      teacher = tf.sub(teacher, tf.mul(tf.expandDims(wt, 1), pk));
      student = tf.sub(student, tf.mul(tf.expandDims(ws, 1), qk));
      columns.push({ teacher: wt, student: ws, used });
    }
    const stacked = (name: 'teacher' | 'student' | 'used'): tf.Tensor2D =>
      tf.stack(
        columns.map((column) => column[name]),
        1,
      ) as tf.Tensor2D;
    return { teacher: stacked('teacher'), student: stacked('student'), used: stacked('used') };
  });
}
