import * as tf from '@tensorflow/tfjs-core';

const TEMPERATURE = 10_000;

/**
 * Sines and cosines of numbers in [0, 1], [...] -> [..., half]: of 2π x at wavelengths that grow up to 10,000, sine and
 * cosine in turn.
 */
export function sineCode(x: tf.Tensor, half: number): tf.Tensor {
  const angles = Array.from({ length: half / 2 }, (_, i) => (2 * Math.PI) / TEMPERATURE ** ((2 * i) / half));
  const angle = tf.mul(tf.expandDims(x, -1), tf.tensor1d(angles)); // [..., half / 2]
  const both = tf.stack([tf.sin(angle), tf.cos(angle)], -1); // [..., half / 2, 2]
  return tf.reshape(both, [...x.shape, half]);
}

/**
 * Where a cell lies in its image, as sines (Carion et al., "End-to-End Object Detection with Transformers", 2020):
 * rows, then columns, each counted from 1 over the number of those inside of the image.
 * @param valid [b, h, w] 1 for cells of the image, 0 for padding
 * @param channels a multiple of 4
 * @returns [b, h·w, channels]
 */
export function sinePosition(valid: tf.Tensor3D, channels: number): tf.Tensor3D {
  const [b, h, w] = valid.shape;
  return tf.tidy(() => {
    const codes = [1, 2].map((axis) => {
      const counted = tf.cumsum(valid, axis);
      const last = tf.slice(
        counted,
        axis === 1 ? [0, h - 1, 0] : [0, 0, w - 1],
        axis === 1 ? [-1, 1, -1] : [-1, -1, 1],
      );
      return sineCode(tf.div(counted, tf.add(last, 1e-6)), channels / 2);
    });
    return tf.reshape(tf.concat(codes, -1), [b, h * w, channels]);
  });
}
