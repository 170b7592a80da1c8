import type { Priors } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/**
 * The anchors of all levels, [a, 4].
 * @param virtual side in strides of a square around each point instead; null takes the priors as they are
 */
export function anchorsOf({ boxes, perLevel, strides }: Priors, virtual: number | null): tf.Tensor2D {
  if (virtual === null) return boxes;
  const [x1, y1, x2, y2] = tf.split(boxes, 4, 1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]; // [a, 1]
  const [x, y] = [tf.div(tf.add(x1, x2), 2), tf.div(tf.add(y1, y2), 2)];
  const half = (axis: 0 | 1): tf.Tensor =>
    tf.concat(perLevel.map((count, level) => tf.fill([count, 1], (strides[level]![axis] * virtual) / 2)));
  const [down, across] = [half(0), half(1)];
  return tf.concat([tf.sub(x, across), tf.sub(y, down), tf.add(x, across), tf.add(y, down)], 1) as tf.Tensor2D;
}
