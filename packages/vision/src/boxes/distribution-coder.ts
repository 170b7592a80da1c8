import type { Priors } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { integral } from '../integral.js';
import { decodeDistances } from './linear-coder.js';

/** Stride of the level of each prior, [a, 1] */
export function strideColumn({ perLevel, strides }: Pick<Priors, 'perLevel' | 'strides'>): tf.Tensor2D {
  return tf.tidy(() =>
    tf.concat(perLevel.map((count, level) => tf.fill([count, 1], strides[level]![1])) as tf.Tensor2D[], 0),
  );
}

/**
 * Boxes from distributions of distances from the priors' centres in strides (Li et al., 2020).
 * @param logits [b, a, 4·bins]
 * @returns [b, a, 4] in pixels
 */
export function decodeDistributions(logits: tf.Tensor3D, priors: Priors, bins: number): tf.Tensor3D {
  return tf.tidy(
    () =>
      decodeDistances(tf.mul(integral(logits, bins), strideColumn(priors)), tf.expandDims(priors.boxes, 0), {
        normalizeBySize: false,
      }) as tf.Tensor3D,
  );
}
