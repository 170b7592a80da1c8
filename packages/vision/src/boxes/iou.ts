import * as tf from '@tensorflow/tfjs-core';
import { areaOf, cornerRows, corners } from './corners.js';
import type { Corners } from './corners.js';
import { maximum, minimum } from './extremes.js';

/** Side lengths below 0 count as 0; the gradient passes at 0 itself. */
const atLeastZero = (side: tf.Tensor): tf.Tensor => tf.maximum(side, 0);

function overlap(a: Corners, b: Corners): { inter: tf.Tensor; union: tf.Tensor } {
  const width = atLeastZero(tf.sub(minimum(a[2], b[2]), maximum(a[0], b[0])));
  const height = atLeastZero(tf.sub(minimum(a[3], b[3]), maximum(a[1], b[1])));
  const inter = tf.mul(width, height);
  return { inter, union: tf.sub(tf.add(areaOf(a), areaOf(b)), inter) };
}

/**
 * Intersection over union of every box of `a` with every box of `b`.
 *
 * No epsilon: two boxes without area give NaN (0 / 0).
 * @param a [n, 4] or [b, n, 4], x1 y1 x2 y2
 * @param b [m, 4] or [b, m, 4]
 * @returns [n, m], or [b, n, m] when one of them has a batch axis
 */
export function boxIou(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D;
export function boxIou(a: tf.Tensor3D, b: tf.Tensor2D | tf.Tensor3D): tf.Tensor3D;
export function boxIou(a: tf.Tensor, b: tf.Tensor): tf.Tensor;
export function boxIou(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const { inter, union } = overlap(corners(a), cornerRows(b));
    return tf.div(inter, union);
  });
}

/**
 * Generalized IoU of every box of `a` with every box of `b`: the IoU less the share of the enclosing box that the union
 * leaves empty (Rezatofighi et al., 2019). Shapes as in {@link boxIou}; NaN where the enclosing box has no area.
 */
export function generalizedBoxIou(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D;
export function generalizedBoxIou(a: tf.Tensor3D, b: tf.Tensor2D | tf.Tensor3D): tf.Tensor3D;
export function generalizedBoxIou(a: tf.Tensor, b: tf.Tensor): tf.Tensor;
export function generalizedBoxIou(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const column = corners(a);
    const row = cornerRows(b);
    const { inter, union } = overlap(column, row);
    const width = atLeastZero(tf.sub(maximum(column[2], row[2]), minimum(column[0], row[0])));
    const height = atLeastZero(tf.sub(maximum(column[3], row[3]), minimum(column[1], row[1])));
    const hull = tf.mul(width, height);
    return tf.sub(tf.div(inter, union), tf.div(tf.sub(hull, union), hull));
  });
}
