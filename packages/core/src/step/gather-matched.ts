import * as tf from '@tensorflow/tfjs-core';
import { gatherRows } from './gather-rows.js';

/**
 * What each candidate's matched ground truth holds; zeros where `matched` is negative. No gradient.
 * @param values [b, g] or [b, g, c], e.g. labels or boxes
 * @param matched [b, a] int32: index of the ground truth, negative where there is none
 * @returns [b, a] or [b, a, c]
 */
export function gatherMatched(values: tf.Tensor2D, matched: tf.Tensor2D): tf.Tensor2D;
export function gatherMatched(values: tf.Tensor3D, matched: tf.Tensor2D): tf.Tensor3D;
export function gatherMatched(values: tf.Tensor, matched: tf.Tensor2D): tf.Tensor {
  return tf.tidy(() => {
    const [b, a] = matched.shape;
    const [, g = 0, ...rest] = values.shape;
    if (g === 0) return tf.zeros([b, a, ...rest], values.dtype);
    const zero = tf.scalar(0, 'int32');
    const picked = gatherRows(values, tf.maximum(matched, zero)); // [b, a, …]
    const positive = tf.cast(tf.greaterEqual(matched, zero), values.dtype);
    return tf.mul(picked, tf.reshape(positive, [b, a, ...rest.map(() => 1)]));
  });
}
