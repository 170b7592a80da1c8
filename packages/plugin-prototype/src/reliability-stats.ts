import * as tf from '@tensorflow/tfjs-core';

/**
 * How the weights of a step spread, level by level, finest first: `weight.mean.0`, `weight.min.0` and the share below
 * one half, `weight.low.0`. Without an
 * instance 1, 1 and 0.
 * @param levels [b, n] each
 * @param mask [b, n]: 1 where there is an instance
 */
export function reliabilityStats(levels: readonly tf.Tensor2D[], mask: tf.Tensor2D): Record<string, tf.Scalar> {
  return tf.tidy(() => {
    const count = tf.sum(mask);
    const mean = (values: tf.Tensor, empty: number): tf.Scalar =>
      tf.where(tf.greater(count, 0), tf.div(tf.sum(tf.mul(values, mask)), tf.maximum(count, 1)), empty) as tf.Scalar;
    return Object.assign(
      {},
      ...levels.map((weights, l) => ({
        [`weight.mean.${l}`]: mean(weights, 1),
        [`weight.min.${l}`]: tf.min(tf.where(tf.greater(mask, 0), weights, tf.onesLike(weights))),
        [`weight.low.${l}`]: mean(tf.cast(tf.less(weights, 0.5), 'float32'), 0),
      })),
    ) as Record<string, tf.Scalar>;
  });
}
