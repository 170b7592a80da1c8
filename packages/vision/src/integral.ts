import * as tf from '@tensorflow/tfjs-core';

/** Distances in strides, the mean of each distribution: [b, a, 4·bins] to [b, a, 4] (Li et al., 2020, eq. 3 to 5) */
export function integral(logits: tf.Tensor3D, bins: number): tf.Tensor3D {
  return tf.tidy(() => {
    const [b, a] = logits.shape;
    return tf.sum(tf.mul(tf.softmax(tf.reshape(logits, [b, a, 4, bins])), tf.range(0, bins)), 3) as tf.Tensor3D;
  });
}
