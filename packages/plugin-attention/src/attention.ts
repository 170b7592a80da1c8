import { absolute } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

/**
 * How much each cell stands out: `h w softmax(mean |x| / temperature)` over the cells, the mean over the channels.
 * @param map [b, h, w, c]
 * @returns [b, h, w], 1 on average
 */
export function spatialAttention(map: tf.Tensor4D, temperature: number): tf.Tensor3D {
  const [b, h, w] = map.shape;
  const strength = tf.reshape(tf.mean(absolute(map), 3), [b, h * w]);
  return tf.reshape(tf.mul(tf.softmax(tf.div(strength, temperature)), h * w), [b, h, w]);
}

/** How much each channel stands out: `c softmax(mean |x| / temperature)`, the mean over the cells. [b, c] */
export function channelAttention(map: tf.Tensor4D, temperature: number): tf.Tensor2D {
  const strength: tf.Tensor2D = tf.mean(absolute(map), [1, 2]);
  return tf.mul(tf.softmax(tf.div(strength, temperature)), map.shape[3]);
}
