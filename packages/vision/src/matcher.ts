import * as tf from '@tensorflow/tfjs-core';

export interface MatcherOptions {
  /** IoU from which on a candidate is positive. */
  readonly high: number;
  /** IoU below which a candidate is background; between `low` and `high` it is ignored. */
  readonly low: number;
  /** Whether the best candidates of every ground truth are kept even below the thresholds. */
  readonly lowQuality: boolean;
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
export function matchAnchors(iou: tf.Tensor3D, mask: tf.Tensor2D, { high, low, lowQuality }: MatcherOptions): tf.Tensor2D {
  const [b, g, a] = iou.shape;
  if (g === 0) return tf.fill([b, a], BACKGROUND, 'int32');
  return tf.tidy(() => {
    const real = tf.cast(tf.expandDims(mask, 2), 'bool'); // [b, g, 1]
    const overlaps = tf.where(tf.greaterEqual(iou, 0), iou, tf.zerosLike(iou));
    // Padding lies below every real IoU: it is nobody's best match.
    const quality = tf.where(real, overlaps, tf.fill(iou.shape, -1)) as tf.Tensor3D; // [b, g, a]
    const best = tf.max(quality, 1); // [b, a]
    const index = tf.argMax(quality, 1); // [b, a]
    const outcome = tf.where(
      tf.less(best, Math.max(low, 0)),
      tf.scalar(BACKGROUND, 'int32'),
      tf.where(tf.less(best, high), tf.scalar(IGNORED, 'int32'), index),
    );
    if (!lowQuality) return outcome as tf.Tensor2D;
    const highest = tf.max(quality, 2, true); // [b, g, 1]
    const ties = tf.logicalAnd(tf.equal(quality, highest), real);
    return tf.where(tf.any(ties, 1), index, outcome) as tf.Tensor2D;
  });
}
