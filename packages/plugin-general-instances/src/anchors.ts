import type { Priors } from '@kd/core';
import { anchorsOfLevel } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

/**
 * The anchors of all levels, [a, 4].
 * @param virtual side in strides of a square around each point instead; null takes the priors as they are
 */
export function anchorsOf(priors: Priors, virtual: number | null): tf.Tensor2D {
  if (virtual === null) return priors.boxes;
  return tf.concat(priors.perLevel.map((_, level) => anchorsOfLevel(priors, level, virtual)));
}
