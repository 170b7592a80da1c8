import * as tf from '@tensorflow/tfjs-core';
import { stableBce } from './bce.js';

export interface FocalOptions {
  /** Weight of the targets 1, `1 - alpha` being that of 0; negative: no weights. Default 0.25. */
  readonly alpha?: number;
  /** How much easy examples lose weight, at least 0; default 2. */
  readonly gamma?: number;
}

/** m^gamma for m in [0, 1], gamma above 0 */
export function power(m: tf.Tensor, gamma: number): tf.Tensor {
  if (gamma === 1) return tf.clone(m);
  if (gamma === 2) return tf.square(m);
  // Rounding may leave a miss just below 0, whose fractional power is NaN.
  return tf.pow(tf.relu(m), gamma);
}

/** alpha t + (1 - alpha)(1 - t) */
const alphaWeight = (t: tf.Tensor, alpha: number): tf.Tensor => tf.add(tf.mul(t, 2 * alpha - 1), 1 - alpha);

/** p + t - 2 p t: what the prediction misses, 1 - p for target 1 and p for target 0 */
const missOf = (p: tf.Tensor, t: tf.Tensor): tf.Tensor => tf.add(tf.mul(p, tf.sub(1, tf.mul(t, 2))), t);

/**
 * Sigmoid focal loss, elementwise: `weight * bce(x, t) * miss^gamma` (Lin et al., 2017), targets in [0, 1]. The
 * gradient
 * is the closed form `weight * miss^gamma * (p - t + gamma * bce * (1 - 2t) * p (1 - p) / miss)`, with fewer passes
 * over
 * memory than the tape would make, and finite where the miss vanishes (torch gives NaN there for gamma below 1). The
 * targets are constants: no gradient flows to them. For class labels see `sigmoidFocalLossSum`.
 * @param logits [...]
 * @param targets [...] same shape, float32
 */
export function sigmoidFocalLoss(
  logits: tf.Tensor,
  targets: tf.Tensor,
  { alpha = 0.25, gamma = 2 }: FocalOptions = {},
): tf.Tensor {
  return tf.customGrad((logit, save) => {
    const x = logit as tf.Tensor;
    (save as tf.GradSaveFunc)([x, targets]);
    return {
      value: focalValue(x, targets, alpha, gamma),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(dy, focalSlope(saved[0]!, saved[1]!, alpha, gamma)),
    };
  })(logits);
}

function focalValue(x: tf.Tensor, t: tf.Tensor, alpha: number, gamma: number): tf.Tensor {
  const bce = stableBce(x, t);
  const weighted = alpha >= 0 ? tf.mul(bce, alphaWeight(t, alpha)) : bce;
  return gamma === 0 ? weighted : tf.mul(weighted, power(missOf(tf.sigmoid(x), t), gamma));
}

function focalSlope(x: tf.Tensor, t: tf.Tensor, alpha: number, gamma: number): tf.Tensor {
  return tf.tidy(() => {
    const p = tf.sigmoid(x);
    let slope = tf.sub(p, t);
    if (gamma !== 0) {
      const miss = missOf(p, t);
      // A miss of 0 has slope 0 in every case; 0 / 0 must not reach it.
      const spread = tf.divNoNan(tf.mul(p, tf.sub(1, p)), miss);
      const sharpening = tf.mul(tf.mul(stableBce(x, t), tf.mul(tf.sub(1, tf.mul(t, 2)), spread)), gamma);
      slope = tf.mul(tf.add(slope, sharpening), power(miss, gamma));
    }
    return alpha >= 0 ? tf.mul(slope, alphaWeight(t, alpha)) : slope;
  });
}
