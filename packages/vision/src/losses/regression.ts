import * as tf from '@tensorflow/tfjs-core';
import { absolute } from './absolute.js';

/** |pred - target|, elementwise; gradient 0 where both are equal. Shapes broadcast. */
export function l1Loss(pred: tf.Tensor, target: tf.Tensor): tf.Tensor {
  return tf.tidy(() => absolute(tf.sub(pred, target)));
}

/**
 * Smooth L1, elementwise: `0.5 d^2 / beta` below beta, `|d| - beta / 2` from beta on; beta 0 is {@link l1Loss}
 * (Girshick, 2015). Shapes broadcast.
 */
export function smoothL1Loss(pred: tf.Tensor, target: tf.Tensor, beta: number): tf.Tensor {
  if (beta === 0) return l1Loss(pred, target);
  return tf.tidy(() => huber(tf.sub(pred, target), beta));
}

/** One expression for both branches, and one clip for the gradient, instead of a select of two results. */
function huber(difference: tf.Tensor, beta: number): tf.Tensor {
  return tf.customGrad((d, save) => {
    (save as tf.GradSaveFunc)([d as tf.Tensor]);
    const size = tf.abs(d as tf.Tensor);
    const bent = tf.minimum(size, beta);
    return {
      value: tf.div(tf.mul(bent, tf.sub(size, tf.mul(bent, 0.5))), beta),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(dy, tf.clipByValue(tf.div(saved[0]!, beta), -1, 1)),
    };
  })(difference);
}
