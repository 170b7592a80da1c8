import type { BoxCode } from '@kd/core';
import { decodeBoxes, MAX_LOG_SIZE_RATIO } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Standard deviations of the deltas: a code of 1 is so much of the anchor's size, or of the log of the ratio of sizes.
 */
export const DELTA_STDS = [0.1, 0.1, 0.2, 0.2] as const;

export const DELTAS = {
  code: 'delta',
  weights: [10, 10, 5, 5],
  clip: MAX_LOG_SIZE_RATIO,
  clipBelow: -MAX_LOG_SIZE_RATIO,
} as const satisfies BoxCode;

/** @param codes [b, a, 4] @param anchors [a, 4] @returns [b, a, 4] */
export const decodeDeltas = (codes: tf.Tensor, anchors: tf.Tensor2D): tf.Tensor3D =>
  tf.tidy(() => decodeBoxes(codes, tf.expandDims(anchors, 0), DELTAS) as tf.Tensor3D);
