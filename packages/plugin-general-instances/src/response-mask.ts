import { untaped } from '@kd/core';
import { boxIou } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { GeneralInstances } from './select-instances.js';

/**
 * The anchors that answer for a general instance: those that overlap one by `matchIou` or more, and the ones that
 * overlap it best. No gradient.
 * @param anchors [a, 4]
 * @returns [b, a]
 */
export function responseMask(
  anchors: tf.Tensor2D,
  { boxes, mask }: Pick<GeneralInstances, 'boxes' | 'mask'>,
  matchIou = 0.5,
): tf.Tensor2D {
  const [b, n] = mask.shape;
  return untaped(() =>
    tf.tidy(() => {
      const there = tf.expandDims(tf.greater(mask, 0), 2);
      // [b, n, a]; what a row off the mask has with an anchor may be no number
      const all = tf.reshape(boxIou(tf.reshape(boxes, [b * n, 4]) as tf.Tensor2D, anchors), [b, n, -1]);
      const iou = tf.where(there, all, tf.zerosLike(all));
      const best = tf.max(iou, 2, true);
      const near = tf.logicalOr(tf.greaterEqual(iou, matchIou), tf.logicalAnd(tf.equal(iou, best), tf.greater(iou, 0)));
      return tf.cast(tf.any(near, 1), 'float32') as tf.Tensor2D;
    }),
  );
}
