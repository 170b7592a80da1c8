import { KdError } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/** Added to the student's deviation, outside of the root. */
const EPSILON = 1e-6;

interface Statistics {
  /** [1, 1, 1, c] each; the deviation with Bessel's correction */
  readonly mean: tf.Tensor;
  readonly deviation: tf.Tensor;
}

/** [1, 1, 1, c] over the rows of the mask [b, 1, 1, 1], of `cells` cells together. */
function channelStatistics(map: tf.Tensor4D, cells: tf.Scalar, mask: tf.Tensor | undefined): Statistics {
  const total = (of: tf.Tensor): tf.Tensor => tf.sum(mask ? tf.mul(of, mask) : of, [0, 1, 2], true);
  const mean = tf.div(total(map), tf.maximum(cells, 1));
  return { mean, deviation: tf.sqrt(tf.div(total(tf.squaredDifference(map, mean)), degrees(cells))) };
}

/** Bessel's; of a single cell 1, so that its deviation is 0. */
const degrees = (cells: tf.Scalar): tf.Scalar => tf.maximum(tf.sub(cells, 1), 1);

/**
 * The student's map with the mean and deviation of every channel of the teacher's, over batch, height and width
 * together:
 * `(S - mean S) / (std S + 1e-6) · std T + mean T`.
 *
 * The gradient flows through the student's mean and deviation; where a channel of the student is constant the slope of
 * its deviation
 * counts as 0. The teacher is a constant.
 * @param student [b, h, w, c]
 * @param teacher [b, h, w, c], same shape
 * @param mask [b] float32: 0 for rows that only fill up a fixed number. They count nowhere, and nobody may read them;
 *   one cell that counts, or none, has a deviation of 0
 * @throws KdError USAGE when the shapes differ, or when there is one cell in all, which has no deviation
 */
export function alignScale(student: tf.Tensor4D, teacher: tf.Tensor4D, mask?: tf.Tensor1D): tf.Tensor4D {
  if (student.shape.join() !== teacher.shape.join()) {
    throw new KdError(
      'USAGE',
      `Alignment got a student map [${student.shape.join(', ')}] and a teacher map [${teacher.shape.join(', ')}]: both need the same shape.`,
    );
  }
  const cells = student.shape[0] * student.shape[1] * student.shape[2];
  if (cells < 2 && mask === undefined)
    throw new KdError(
      'USAGE',
      `Alignment got a map [${student.shape.join(', ')}] of one cell, whose deviation does not exist: give larger images or a larger batch.`,
    );
  return tf.customGrad((x, save) => {
    const s = x as tf.Tensor4D;
    const on = mask && tf.reshape(mask, [s.shape[0], 1, 1, 1]);
    const count: tf.Scalar = mask ? tf.mul(tf.sum(mask), s.shape[1] * s.shape[2]) : tf.scalar(cells);
    const own = channelStatistics(s, count, on);
    const wanted = channelStatistics(teacher, count, on);
    const factor = tf.div(wanted.deviation, tf.add(own.deviation, EPSILON)); // [1, 1, 1, c]
    const value = tf.add(tf.mul(tf.sub(s, own.mean), factor), wanted.mean);
    (save as tf.GradSaveFunc)([s, own.mean, own.deviation, factor, count, ...(on ? [on] : [])]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [map, mean, deviation, scale, counted, rows] = saved as [
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Scalar,
          tf.Tensor | undefined,
        ];
        const centred = tf.sub(map, mean);
        // d deviation / d S = centred / ((cells - 1) deviation), 0 where the deviation is 0.
        const drift = tf.mul(tf.sum(tf.mul(dy, centred), [0, 1, 2], true), tf.div(scale, tf.add(deviation, EPSILON)));
        const share = tf.divNoNan(drift, tf.mul(deviation, degrees(counted)));
        const average = tf.div(tf.sum(dy, [0, 1, 2], true), tf.maximum(counted, 1));
        const gradient = tf.sub(tf.mul(tf.sub(dy, average), scale), tf.mul(centred, share));
        return rows ? tf.mul(gradient, rows) : gradient;
      },
    };
  })(student) as tf.Tensor4D;
}
