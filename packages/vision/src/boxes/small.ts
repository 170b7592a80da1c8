import * as tf from '@tensorflow/tfjs-core';
import { corners } from './corners.js';

/**
 * Which boxes have both sides of at least `minSize` pixels, or, not `inclusive`, of more.
 * @param boxes [..., 4]
 * @returns [...] bool
 */
export function largeEnough(boxes: tf.Tensor, minSize: number, inclusive = true): tf.Tensor {
  const enough = inclusive ? tf.greaterEqual : tf.greater;
  return tf.tidy(() => {
    const [x1, y1, x2, y2] = corners(boxes);
    const large = tf.logicalAnd(enough(tf.sub(x2, x1), minSize), enough(tf.sub(y2, y1), minSize));
    return tf.squeeze(large, [large.rank - 1]);
  });
}
