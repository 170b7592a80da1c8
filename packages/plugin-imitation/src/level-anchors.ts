import { KdError, type Priors } from '@kd/core';
import { anchorsOfLevel } from '@kd/vision';
import type * as tf from '@tensorflow/tfjs-core';

export interface LevelAnchorsOptions {
  /** Index of the level, the finest is 0. */
  readonly place: number;
  /** Cells of the level's map. */
  readonly height: number;
  readonly width: number;
  /** Side in strides of a square around each point instead; null takes the priors as they are. */
  readonly virtual: number | null;
}

/**
 * The anchors of one level, [h·w·a, 4].
 * @throws KdError TAP_MISMATCH when the level has another number of priors than its cells can hold
 */
export function levelAnchors(
  id: string,
  priors: Priors,
  { place, height, width, virtual }: LevelAnchorsOptions,
): tf.Tensor2D {
  const count = priors.perLevel[place] ?? 0;
  if (count === 0 || count % (height * width) !== 0) {
    throw new KdError(
      'TAP_MISMATCH',
      `${id}: level ${place} has ${count} priors and a map of ${height} x ${width} cells, so that priors and cells do not belong together. Compare levels of the neck that the head reads.`,
    );
  }
  return anchorsOfLevel(priors, place, virtual);
}
