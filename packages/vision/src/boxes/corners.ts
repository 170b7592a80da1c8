import { KdError } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/** x1, y1, x2, y2 of boxes [..., 4], each [..., 1] */
export type Corners = readonly [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];

/**
 * Splits boxes [..., 4] into four tensors [..., 1].
 * @throws KdError USAGE when the last axis is not 4.
 */
export function corners(boxes: tf.Tensor): Corners {
  if (boxes.rank === 0 || boxes.shape[boxes.rank - 1] !== 4) {
    throw new KdError('USAGE', `Boxes have the shape [..., 4] (x1, y1, x2, y2), not [${boxes.shape.join(', ')}].`);
  }
  return tf.split(boxes, 4, boxes.rank - 1) as unknown as Corners;
}

/** Corners of boxes [..., m, 4] laid along the last axis, [..., 1, m], to be paired with columns [..., n, 1]. */
export function cornerRows(boxes: tf.Tensor): Corners {
  const m = boxes.shape[boxes.rank - 2] ?? 1;
  const shape = [...boxes.shape.slice(0, -2), 1, m];
  return corners(boxes).map((c) => tf.reshape(c, shape)) as unknown as Corners;
}

/** Signed area of boxes given by their corners: sides are not clamped. */
export const areaOf = ([x1, y1, x2, y2]: Corners): tf.Tensor => tf.mul(tf.sub(x2, x1), tf.sub(y2, y1));
