import * as tf from '@tensorflow/tfjs-core';
import { oneHot } from './one-hot.js';

/**
 * What the weights of instances say of the objects that they answer for: their mean, and 1 for an object without an
 * instance. No gradient.
 * @param weights [b, n]
 * @param matched [b, n] int32: index of the object, negative where there is none
 * @param objects g
 * @returns [b, g]
 */
export function objectWeights(weights: tf.Tensor2D, matched: tf.Tensor2D, objects: number): tf.Tensor2D {
  if (objects === 0) return tf.zeros([weights.shape[0], 0]);
  return tf.tidy(() => {
    const owner = oneHot(matched, objects); // [b, n, g]: zeros where there is none
    const count = tf.sum(owner, 1);
    const sum = tf.sum(tf.mul(owner, tf.expandDims(weights, -1)), 1);
    return tf.add(tf.divNoNan(sum, count), tf.cast(tf.equal(count, 0), 'float32')) as tf.Tensor2D;
  });
}
