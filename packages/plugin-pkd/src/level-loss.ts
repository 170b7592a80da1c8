import * as tf from '@tensorflow/tfjs-core';
import { standardise } from './standardise.js';

export interface LevelLoss {
  readonly loss: tf.Scalar;
  /** Of the student's map, [n, h, w, c]. */
  readonly gradient: tf.Tensor4D;
}

/**
 * Loss and gradient of one level in one go: the loss is a mean, so its gradient needs nothing from later and is all
 * that a
 * backward pass has to keep. Nothing here is seen by a gradient tape.
 */
export function levelLoss(student: tf.Tensor4D, teacher: tf.Tensor4D, eps: number): LevelLoss {
  return tf.tidy(() => {
    const cells = student.size / student.shape[3];
    const s = standardise(student, eps);
    const gap = tf.tidy(() => tf.sub(s.map, standardise(teacher, eps).map));
    // The deviation's own derivative takes out of the gradient what only scales a channel; at a constant channel, where
    // the root
    // has none, it counts as 0.
    const along = tf.sum(tf.mul(s.map, gap), [0, 1, 2]); // [c]
    const share = tf.divNoNan(along, tf.mul(tf.mul(s.deviation, s.inverse), cells - 1)); // [c]
    const slope = tf.tidy(() => tf.sub(gap, tf.mul(s.map, share)));
    return {
      loss: tf.mul<tf.Scalar>(tf.sum(tf.square(gap)), 0.5 / student.size),
      gradient: tf.mul<tf.Tensor4D>(slope, tf.div(s.inverse, student.size)),
    };
  });
}
