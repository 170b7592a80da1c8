import * as tf from '@tensorflow/tfjs-core';

/**
 * Distribution focal loss: cross-entropy with the two bins around the distance, each the heavier the nearer it is (Li
 * et al., 2020,
 * eq. 6). The distances are constants.
 * @param logits [..., bins]
 * @param distances [...] in bins, from 0 to below `bins - 1`
 * @returns [...]
 */
export function distributionFocalLoss(logits: tf.Tensor, distances: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const bins = logits.shape.at(-1)!;
    const apart = tf.abs(tf.sub(tf.range(0, bins), tf.expandDims(distances, -1))); // [..., bins]
    return tf.neg(tf.sum(tf.mul(tf.relu(tf.sub(1, apart)), tf.logSoftmax(logits, -1)), -1));
  });
}
