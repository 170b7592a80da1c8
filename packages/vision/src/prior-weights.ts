import type { Instances } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

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
    const [b, n] = rows.shape;
    const first = tf.expandDims(tf.mul(tf.range(0, b, 1, 'int32'), tf.scalar(priors, 'int32')), 1); // [b, 1]
    const at = tf.reshape(tf.add(rows, first), [b * n, 1]);
    // Rows off the mask add nothing to the prior that they name.
    const change = tf.where(tf.greater(mask, 0), tf.sub(weights, 1), tf.zerosLike(weights));
    return tf.add(tf.reshape(tf.scatterND(at, tf.reshape(change, [b * n]), [b * priors]), [b, priors]), 1);
  });
}
