import { absolute, bceWithLogits } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

export interface HelperTargets {
  /** [b, i] 1 for objects, 0 for fakes */
  readonly real: tf.Tensor2D;
  /** [b, i] 1 for rows that hold nothing */
  readonly unused: tf.Tensor2D;
  /** [b, i, 4] distances of the edges from the queried place: left, top, right, bottom, in parts of the image */
  readonly ltrb: tf.Tensor3D;
}

export interface HelperLosses {
  readonly confidence: tf.Scalar;
  readonly location: tf.Scalar;
}

/**
 * What the helper learns: to tell objects from fakes, and where the edges of the objects lie, over the sides of the
 * box.
 * @param pred [b, i, 5]: a logit, and four distances before sigmoid
 */
export function helperLosses(pred: tf.Tensor3D, { real, unused, ltrb }: HelperTargets): HelperLosses {
  const [logit, edges] = tf.split(pred, [1, 4], 2) as [tf.Tensor3D, tf.Tensor3D];
  const share = (count: tf.Tensor): tf.Tensor => tf.div(1, tf.maximum(tf.sum(count), 1e-6));
  const used = tf.sub(1, unused);
  const entropy = bceWithLogits(tf.squeeze(logit, [2]), real); // [b, i]
  const opposite = tf.concat([tf.slice(ltrb, [0, 0, 2], [-1, -1, 2]), tf.slice(ltrb, [0, 0, 0], [-1, -1, 2])], 2);
  const side = tf.maximum(tf.add(ltrb, opposite), 1e-7);
  const off = tf.sum(tf.div(absolute(tf.sub(tf.sigmoid(edges), ltrb)), side), 2); // [b, i]
  return {
    confidence: tf.mul(tf.sum(tf.mul(entropy, used)), share(used)),
    // Not a product alone: what holds no object has no sides either.
    location: tf.mul(tf.sum(tf.where(tf.greater(real, 0), off, tf.zerosLike(off))), share(real)),
  };
}
