import * as tf from '@tensorflow/tfjs-core';

export interface SoftKlOptions {
  /** Softens both distributions; default 1. */
  readonly temperature?: number;
  /** Over the bins; default `sum`. */
  readonly bins?: 'sum' | 'mean';
}

/**
 * Divergence of softened distributions per row, `T² Σ p (ln p - ln q)` with p = softmax(t / T) and q = softmax(x / T)
 * (Hinton et al., 2015). `bins: 'mean'` divides by the number of bins.
 * @param logits [..., bins] x
 * @param target [..., bins] t, the teacher's logits: constants
 * @returns [...]
 */
export function softKl(
  logits: tf.Tensor,
  target: tf.Tensor,
  { temperature = 1, bins = 'sum' }: SoftKlOptions = {},
): tf.Tensor {
  const share = bins === 'mean' ? 1 / logits.shape.at(-1)! : 1;
  return tf.customGrad((x, save) => {
    const logQ = tf.logSoftmax(tf.div(x as tf.Tensor, temperature), -1);
    const logP = tf.logSoftmax(tf.div(target, temperature), -1);
    const p = tf.exp(logP);
    (save as tf.GradSaveFunc)([tf.mul(tf.sub(tf.exp(logQ), p), temperature * share)]);
    return {
      value: tf.mul(tf.sum(tf.mul(p, tf.sub(logP, logQ)), -1), temperature ** 2 * share),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(saved[0]!, tf.expandDims(dy, -1)),
    };
  })(logits);
}
