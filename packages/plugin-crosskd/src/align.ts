import { KdError } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/** Added to the student's deviation, outside of the root. */
const EPSILON = 1e-6;

interface Statistics {
  /** [1, 1, 1, c] each; the deviation with Bessel's correction */
  readonly mean: tf.Tensor;
  readonly deviation: tf.Tensor;
}

function channelStatistics(map: tf.Tensor4D): Statistics {
  const [b, h, w] = map.shape;
  const mean = tf.mean(map, [0, 1, 2], true);
  const deviation = tf.sqrt(tf.div(tf.sum(tf.squaredDifference(map, mean), [0, 1, 2], true), b * h * w - 1));
  return { mean, deviation };
}

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
 * @throws KdError USAGE when the shapes differ, or when there is one cell in all, which has no deviation
 */
export function alignScale(student: tf.Tensor4D, teacher: tf.Tensor4D): tf.Tensor4D {
  if (student.shape.join() !== teacher.shape.join()) {
    throw new KdError(
      'USAGE',
      `Alignment got a student map [${student.shape.join(', ')}] and a teacher map [${teacher.shape.join(', ')}]: both need the same shape.`,
    );
  }
  const cells = student.shape[0] * student.shape[1] * student.shape[2];
  if (cells < 2)
    throw new KdError(
      'USAGE',
      `Alignment got a map [${student.shape.join(', ')}] of one cell, whose deviation does not exist: give larger images or a larger batch.`,
    );
  return tf.customGrad((x, save) => {
    const s = x as tf.Tensor4D;
    const own = channelStatistics(s);
    const wanted = channelStatistics(teacher);
    const factor = tf.div(wanted.deviation, tf.add(own.deviation, EPSILON)); // [1, 1, 1, c]
    const value = tf.add(tf.mul(tf.sub(s, own.mean), factor), wanted.mean);
    (save as tf.GradSaveFunc)([s, own.mean, own.deviation, factor]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [map, mean, deviation, scale] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        const centred = tf.sub(map, mean);
        // d deviation / d S = centred / ((cells - 1) deviation), 0 where the deviation is 0.
        const drift = tf.mul(tf.sum(tf.mul(dy, centred), [0, 1, 2], true), tf.div(scale, tf.add(deviation, EPSILON)));
        const share = tf.divNoNan(drift, tf.mul(deviation, cells - 1));
        return tf.sub(tf.mul(tf.sub(dy, tf.mean(dy, [0, 1, 2], true)), scale), tf.mul(centred, share));
      },
    };
  })(student) as tf.Tensor4D;
}
