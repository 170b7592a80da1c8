import * as tf from '@tensorflow/tfjs-core';

/** `max(x, 0) - x t + log(1 + exp(-|x|))`: exact for logits of any size. Not differentiable by itself. */
export const stableBce = (x: tf.Tensor, t: tf.Tensor): tf.Tensor =>
  tf.add(tf.sub(tf.relu(x), tf.mul(x, t)), tf.softplus(tf.neg(tf.abs(x))));

/**
 * Binary cross-entropy of sigmoid(logits) with targets in [0, 1], elementwise. The targets are constants: no gradient
 * flows to them.
 * @param logits [...]
 * @param targets [...] same shape, float32
 */
export function bceWithLogits(logits: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  return tf.customGrad((x, save) => {
    (save as tf.GradSaveFunc)([x as tf.Tensor, targets]);
    return {
      value: stableBce(x as tf.Tensor, targets),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(dy, tf.sub(tf.sigmoid(saved[0]!), saved[1]!)),
    };
  })(logits);
}
