import type { Instances } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { scatterRows } from './scatter-rows.js';

/**
 * What the weights of instances say of the priors that answer for them; 1 for all others. No gradient.
 * @param weights [b, n]
 * @param instances their rows and which of them there are
 * @param priors a
 * @returns [b, a]
 */
export function priorWeights(
  weights: tf.Tensor2D,
  { rows, mask }: Pick<Instances, 'rows' | 'mask'>,
  priors: number,
): tf.Tensor2D {
  return tf.tidy(() => {
    // Rows off the mask add nothing to the prior that they name.
    const change = tf.where(tf.greater(mask, 0), tf.sub(weights, 1), tf.zerosLike(weights));
    return tf.add(scatterRows(rows, change, priors), 1);
  });
}
