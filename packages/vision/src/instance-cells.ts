import type { Instances, Targets } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { objectMask } from './object-mask.js';
import { objectWeights } from './object-weights.js';

export interface InstanceCellsOptions {
  /** Pixels of the input per cell. */
  readonly stride: number;
  /** Cells of the map. */
  readonly height: number;
  readonly width: number;
}

/**
 * What the weights of instances say of the cells of a map: a cell under an object counts the mean of the object's
 * instances, of several objects on it the last one's; every other cell counts 1, and so do objects without an instance.
 * No gradient.
 * @param weights [b, n] of the instances
 * @returns [b, h, w]
 */
export function instanceCells(
  weights: tf.Tensor2D,
  {
    targets: { boxes, mask },
    instances: { matched },
  }: { readonly targets: Pick<Targets, 'boxes' | 'mask'>; readonly instances: Pick<Instances, 'matched'> },
  size: InstanceCellsOptions,
): tf.Tensor3D {
  return tf.tidy(() => {
    const values = objectWeights(weights, matched, mask.shape[1]);
    const background = tf.sub(1, objectMask(boxes, mask, size));
    return tf.add(background, objectMask(boxes, mask, { ...size, values }));
  });
}
