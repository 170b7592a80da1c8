import * as tf from '@tensorflow/tfjs-core';
import { stableBce } from './bce.js';
import { power } from './focal.js';

export interface QualityFocalOptions {
  /** How much logits near their target lose weight, at least 1; default 2. */
  readonly beta?: number;
}

/**
 * Quality focal loss, elementwise: `bce(x, t) * |sigmoid(x) - t|^beta` for targets in [0, 1] (Li et al., Generalized
 * Focal Loss,
 * 2020, eq. 2). The gradient passes through the gap, too; where it is 0 so is the slope. The targets are constants: no
 * gradient
 * flows to them.
 * @param logits [...]
 * @param targets [...] same shape, float32
 */
export function qualityFocalLoss(
  logits: tf.Tensor,
  targets: tf.Tensor,
  { beta = 2 }: QualityFocalOptions = {},
): tf.Tensor {
  return tf.customGrad((logit, save) => {
    const x = logit as tf.Tensor;
    (save as tf.GradSaveFunc)([x, targets]);
    return {
      value: tf.mul(stableBce(x, targets), power(tf.abs(tf.sub(tf.sigmoid(x), targets)), beta)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(dy, slope(saved[0]!, saved[1]!, beta)),
    };
  })(logits);
}

/** `gap |gap|^beta + beta bce |gap|^(beta - 1) sign(gap) p (1 - p)` with gap = p - t */
function slope(x: tf.Tensor, t: tf.Tensor, beta: number): tf.Tensor {
  return tf.tidy(() => {
    const p = tf.sigmoid(x);
    const gap = tf.sub(p, t);
    const signed = beta === 2 ? gap : beta === 1 ? tf.sign(gap) : tf.mul(tf.sign(gap), power(tf.abs(gap), beta - 1));
    const sharpening = tf.mul(tf.mul(stableBce(x, t), signed), tf.mul(tf.mul(p, tf.sub(1, p)), beta));
    return tf.add(tf.mul(gap, power(tf.abs(gap), beta)), sharpening);
  });
}
