import * as tf from '@tensorflow/tfjs-core';
import { boxIou } from './boxes/iou.js';
import { chunksOf } from './chunks.js';
import type { Chunk } from './chunks.js';

export interface MatcherOptions {
  /** IoU from which on a candidate is positive. */
  readonly high: number;
  /** IoU below which a candidate is background; between `low` and `high` it is ignored. */
  readonly low: number;
  /** Whether the best candidates of every ground truth are kept even below the thresholds. */
  readonly lowQuality: boolean;
  /** IoU that the best candidate of a ground truth needs for that, default 0; `assignMaxIou` reads it. */
  readonly lowQualityMin?: number | undefined;
}

/** The candidate is background. */
export const BACKGROUND = -1;
/** The candidate takes no part in the classification loss. */
export const IGNORED = -2;

/**
 * Which ground truth each candidate answers for: the one of highest IoU (the first of equals), -1 below `low`, -2 in
 * [`low`, `high`).
 *
 * With low-quality matches, all candidates that reach the maximum IoU of some ground truth exactly get their own best
 * ground truth back, which need not be the one that asked. A ground truth whose maximum is 0 therefore makes every
 * candidate that has IoU 0 with it positive. A NaN IoU (two boxes without area) counts as 0. All on the device, with
 * static shapes.
 * @param iou [b, g, a]
 * @param mask [b, g], 1 for a real ground truth, 0 for padding
 * @returns [b, a] int32
 */
export function matchAnchors(iou: tf.Tensor3D, mask: tf.Tensor2D, options: MatcherOptions): tf.Tensor2D {
  const [b, g, a] = iou.shape;
  return match(a, mask, options, ({ from, count }) => tf.slice(iou, [0, 0, from], [b, g, count]));
}

/**
 * {@link matchAnchors} of the IoU of boxes and anchors, computed chunk by chunk and never as one tensor.
 * @param boxes [b, g, 4]
 * @param mask [b, g], 1 for a real box, 0 for padding
 * @param anchors [a, 4]
 * @returns [b, a] int32
 */
export function matchBoxes(
  boxes: tf.Tensor3D,
  mask: tf.Tensor2D,
  anchors: tf.Tensor2D,
  options: MatcherOptions,
): tf.Tensor2D {
  return match(anchors.shape[0], mask, options, ({ from, count }) =>
    boxIou(boxes, tf.slice(anchors, [from, 0], [count, 4])),
  );
}

/** What is known of a chunk of candidates before the maximum of each ground truth is. */
interface Scored {
  /** [b, g, c] */
  readonly quality: tf.Tensor3D;
  /** [b, c] */
  readonly index: tf.Tensor2D;
  /** [b, c] by the thresholds alone */
  readonly outcome: tf.Tensor2D;
}

function match(
  a: number,
  mask: tf.Tensor2D,
  options: MatcherOptions,
  iouOf: (chunk: Chunk) => tf.Tensor3D,
): tf.Tensor2D {
  const [b, g] = mask.shape;
  if (g === 0 || a === 0) return tf.fill([b, a], BACKGROUND, 'int32');
  return tf.tidy(() => {
    const real = tf.expandDims(mask, 2) as tf.Tensor3D; // [b, g, 1]
    const chunks = chunksOf(a, b * g).map((chunk) =>
      tf.tidy(() => score(iouOf(chunk), real, options) as Scored & tf.TensorContainerObject),
    );
    if (!options.lowQuality)
      return tf.concat(
        chunks.map(({ outcome }) => outcome),
        1,
      );
    const highest = tf.max(
      tf.concat(
        chunks.map(({ quality }) => tf.max(quality, 2, true)),
        2,
      ),
      2,
      true,
    ); // [b, g, 1]
    // Padding reaches its maximum everywhere: a mark that no candidate has keeps it from asking.
    const asked = tf.where(tf.cast(real, 'bool'), highest, tf.fill(highest.shape, -2));
    const matched = chunks.map(({ quality, index, outcome }) =>
      tf.tidy(() => tf.where(tf.any(tf.equal(quality, asked), 1), index, outcome)),
    );
    return tf.concat(matched, 1) as tf.Tensor2D;
  });
}

/** @param iou [b, g, c] @param real [b, g, 1] */
function score(iou: tf.Tensor3D, real: tf.Tensor3D, { high, low }: MatcherOptions): Scored {
  const usable = tf.logicalAnd(tf.greaterEqual(iou, 0), tf.cast(real, 'bool'));
  // Padding lies below every real IoU, so that it is nobody's best match.
  const quality = tf.where(usable, iou, tf.sub(real, 1));
  const best = tf.max(quality, 1); // [b, c]
  const index = tf.argMax(quality, 1); // [b, c]
  const ignored = tf.where(tf.less(best, high), tf.scalar(IGNORED, 'int32'), index);
  const outcome = tf.where(tf.less(best, Math.max(low, 0)), tf.scalar(BACKGROUND, 'int32'), ignored);
  return { quality, index, outcome } as Scored;
}
