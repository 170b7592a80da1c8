import * as tf from '@tensorflow/tfjs-core';
import { corners } from './corners.js';

export interface LinearCoderOptions {
  /** Distances in units of the reference's width and height; default true. */
  readonly normalizeBySize?: boolean;
}

/** Centre [..., 1] and, for the four distances, size [..., 4] of the references. */
function centreAndSize(reference: tf.Tensor): { cx: tf.Tensor; cy: tf.Tensor; size: tf.Tensor } {
  const [x1, y1, x2, y2] = corners(reference);
  const width = tf.sub(x2, x1);
  const height = tf.sub(y2, y1);
  return {
    cx: tf.mul(tf.add(x1, x2), 0.5),
    cy: tf.mul(tf.add(y1, y2), 0.5),
    size: tf.concat([width, height, width, height], reference.rank - 1),
  };
}

/**
 * Distances left, top, right, bottom from the centres of the references to the sides of the boxes (Tian et al., 2019).
 * @param boxes [..., 4]
 * @param reference [..., 4], broadcastable to `boxes`
 * @returns [..., 4]
 */
export function encodeDistances(
  boxes: tf.Tensor,
  reference: tf.Tensor,
  { normalizeBySize = true }: LinearCoderOptions = {},
): tf.Tensor {
  return tf.tidy(() => {
    const { cx, cy, size } = centreAndSize(reference);
    const [x1, y1, x2, y2] = corners(boxes);
    const distances = tf.concat([tf.sub(cx, x1), tf.sub(cy, y1), tf.sub(x2, cx), tf.sub(y2, cy)], boxes.rank - 1);
    return normalizeBySize ? tf.div(distances, size) : distances;
  });
}

/**
 * Boxes from distances, the inverse of {@link encodeDistances}.
 * @param codes [..., 4] left, top, right, bottom
 * @param reference [..., 4], broadcastable to `codes`
 * @returns [..., 4]
 */
export function decodeDistances(
  codes: tf.Tensor,
  reference: tf.Tensor,
  { normalizeBySize = true }: LinearCoderOptions = {},
): tf.Tensor {
  return tf.tidy(() => {
    const { cx, cy, size } = centreAndSize(reference);
    const [left, top, right, bottom] = corners(normalizeBySize ? tf.mul(codes, size) : codes);
    return tf.concat([tf.sub(cx, left), tf.sub(cy, top), tf.add(cx, right), tf.add(cy, bottom)], codes.rank - 1);
  });
}
