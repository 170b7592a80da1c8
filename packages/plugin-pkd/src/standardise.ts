import * as tf from '@tensorflow/tfjs-core';

/** A map of channels with mean 0 and deviation 1. */
export interface Standardised {
  /** [n, h, w, c] */
  readonly map: tf.Tensor4D;
  /** [c]: deviation over n, h and w with Bessel's correction */
  readonly deviation: tf.Tensor1D;
  /** [c]: 1 / (deviation + eps) */
  readonly inverse: tf.Tensor1D;
}

/** Each channel less its mean, over its deviation; a constant channel becomes 0. Needs two cells or more. */
export function standardise(map: tf.Tensor4D, eps: number): Standardised {
  return tf.tidy(() => {
    const cells = map.size / map.shape[3];
    // Centred before squaring: a large mean would eat the digits of the variance.
    const centred = tf.sub(map, tf.mean(map, [0, 1, 2]));
    const deviation = tf.sqrt(tf.div(tf.sum(tf.square(centred), [0, 1, 2]), cells - 1)) as tf.Tensor1D;
    const inverse = tf.div(1, tf.add(deviation, eps)) as tf.Tensor1D;
    return { map: tf.mul(centred, inverse) as tf.Tensor4D, deviation, inverse };
  });
}
