import * as tf from '@tensorflow/tfjs-core';
import { oneHot } from '../one-hot.js';

/**
 * Cross-entropy of softmax(logits) with class indices, per row. A row whose label is outside of [0, k) gives 0.
 * @param logits [..., k]
 * @param labels [...] int32
 * @returns [...]
 */
export function crossEntropy(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const classes = logits.shape[logits.rank - 1]!;
    const hot = oneHot(tf.cast(labels, 'int32'), classes);
    return tf.neg(tf.sum(tf.mul(hot, tf.logSoftmax(logits, -1)), -1));
  });
}
