import * as tf from '@tensorflow/tfjs-core';
import { corners } from './corners.js';
import type { Corners } from './corners.js';

/** Largest log of a size ratio that {@link decodeBoxes} takes at its word: log(1000 / 16). */
export const MAX_LOG_SIZE_RATIO = Math.log(1000 / 16);

export interface BoxCoderOptions {
  /** Factors of the four codes: x, y, width, height; default 1, 1, 1, 1. */
  readonly weights?: readonly [number, number, number, number];
  /** Upper limit of the decoded log sizes; default {@link MAX_LOG_SIZE_RATIO}. */
  readonly clip?: number;
  /** Lower limit of the decoded log sizes; default: none. mmdetection limits both sides. */
  readonly clipBelow?: number;
}

interface CentreForm {
  readonly cx: tf.Tensor;
  readonly cy: tf.Tensor;
  readonly width: tf.Tensor;
  readonly height: tf.Tensor;
}

function centreForm([x1, y1, x2, y2]: Corners): CentreForm {
  const width = tf.sub(x2, x1);
  const height = tf.sub(y2, y1);
  return { cx: tf.add(x1, tf.mul(width, 0.5)), cy: tf.add(y1, tf.mul(height, 0.5)), width, height };
}

/**
 * Codes of boxes relative to references (anchors or proposals): offsets of the centre in units of the reference's size
 * and logs of the size ratios, times the weights (Ren et al., 2015).
 *
 * A box without area gives -infinity: replace such rows before multiplying them by a mask.
 * @param boxes [..., 4]
 * @param reference [..., 4], broadcastable to `boxes`
 * @returns [..., 4]
 */
export function encodeBoxes(
  boxes: tf.Tensor,
  reference: tf.Tensor,
  { weights = [1, 1, 1, 1] }: BoxCoderOptions = {},
): tf.Tensor {
  return tf.tidy(() => {
    const box = centreForm(corners(boxes));
    const ref = centreForm(corners(reference));
    const codes = [
      tf.div(tf.mul(tf.sub(box.cx, ref.cx), weights[0]), ref.width),
      tf.div(tf.mul(tf.sub(box.cy, ref.cy), weights[1]), ref.height),
      tf.mul(tf.log(tf.div(box.width, ref.width)), weights[2]),
      tf.mul(tf.log(tf.div(box.height, ref.height)), weights[3]),
    ];
    return tf.concat(codes, codes[0]!.rank - 1);
  });
}

/**
 * Boxes from codes, the inverse of {@link encodeBoxes}. Log sizes are limited from above, not from below unless asked;
 * beyond a limit their gradient is 0.
 * @param codes [..., 4]
 * @param reference [..., 4], broadcastable to `codes`
 * @returns [..., 4]
 */
export function decodeBoxes(codes: tf.Tensor, reference: tf.Tensor, options: BoxCoderOptions = {}): tf.Tensor {
  const { weights = [1, 1, 1, 1], clip = MAX_LOG_SIZE_RATIO, clipBelow } = options;
  return tf.tidy(() => {
    const [dx, dy, dw, dh] = corners(codes).map((c, i) =>
      weights[i] === 1 ? c : tf.div(c, weights[i]!),
    ) as unknown as Corners;
    const ref = centreForm(corners(reference));
    const cx = tf.add(tf.mul(dx, ref.width), ref.cx);
    const cy = tf.add(tf.mul(dy, ref.height), ref.cy);
    const limited = (d: tf.Tensor): tf.Tensor =>
      clipBelow === undefined ? tf.minimum(d, clip) : tf.clipByValue(d, clipBelow, clip);
    const halfWidth = tf.mul(tf.mul(tf.exp(limited(dw)), ref.width), 0.5);
    const halfHeight = tf.mul(tf.mul(tf.exp(limited(dh)), ref.height), 0.5);
    const sides = [tf.sub(cx, halfWidth), tf.sub(cy, halfHeight), tf.add(cx, halfWidth), tf.add(cy, halfHeight)];
    return tf.concat(sides, codes.rank - 1);
  });
}
