import type { Priors } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/**
 * The anchors of one level, [count, 4].
 * @param level the finest is 0
 * @param virtual side in strides of a square around each point instead; null takes the priors as they are
 */
export function anchorsOfLevel(
  { boxes, perLevel, strides }: Priors,
  level: number,
  virtual: number | null,
): tf.Tensor2D {
  const first = perLevel.slice(0, level).reduce((sum, n) => sum + n, 0);
  const own = tf.slice(boxes, [first, 0], [perLevel[level]!, 4]);
  if (virtual === null) return own;
  const [x1, y1, x2, y2] = tf.split(own, 4, 1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]; // [count, 1]
  const [x, y] = [tf.div(tf.add(x1, x2), 2), tf.div(tf.add(y1, y2), 2)];
  const [down, across] = strides[level]!.map((stride) => (stride * virtual) / 2) as [number, number];
  return tf.concat([tf.sub(x, across), tf.sub(y, down), tf.add(x, across), tf.add(y, down)], 1) as tf.Tensor2D;
}
