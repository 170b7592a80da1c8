import type { Priors, Targets } from '@kd/core';
import { gatherMatched } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

/**
 * How central the anchor lies in its object, `sqrt(min(l, r) / max(l, r) * min(t, b) / max(t, b))` (Tian et al., FCOS,
 * 2019, eq. 3); 0 for
 * anchors without one.
 * @param matched [b, a] int32
 * @returns [b, a] float32
 */
export function centernessTargets(priors: Priors, { boxes }: Targets, matched: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => {
    const split = (of: tf.Tensor): [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor] =>
      tf.split(of, 4, -1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    const [x1, y1, x2, y2] = split(gatherMatched(boxes, matched)); // [b, a, 1]
    const [left, top, right, bottom] = split(tf.expandDims(priors.boxes, 0)); // [1, a, 1]
    const [x, y] = [tf.mul(tf.add(left, right), 0.5), tf.mul(tf.add(top, bottom), 0.5)];
    const balance = (low: tf.Tensor, high: tf.Tensor): tf.Tensor =>
      tf.div(tf.minimum(low, high), tf.maximum(low, high));
    const product = tf.mul(balance(tf.sub(x, x1), tf.sub(x2, x)), balance(tf.sub(y, y1), tf.sub(y2, y)));
    const positive = tf.greaterEqual(matched, tf.scalar(0, 'int32'));
    return tf.where(positive, tf.sqrt(tf.squeeze(product, [2])), tf.zeros(matched.shape)) as tf.Tensor2D;
  });
}
