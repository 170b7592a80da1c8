import * as tf from '@tensorflow/tfjs-core';
import type { Inputs, SsimMaps } from './maps.js';
import { power, powerSlope } from './signed-power.js';

/**
 * beta = gamma: contrast and structure are one quotient r = (2 cov + C2)/(v_x + v_y + C2), without a root. Only the sum of
 * the variances is needed, so four maps are filtered instead of five.
 */
export function jointMaps(inputs: Inputs): SsimMaps {
  const { pair: { x, y }, filter, constants: { c2 }, settings: { alpha, beta }, luminance, centred } = inputs;
  const energy = filter.forward(tf.add(tf.square(x), tf.square(y)));
  const difference = filter.forward(tf.squaredDifference(x, y));
  const base = tf.add(tf.sub(energy, centred.squares), c2);
  // The variance of x - y is v_x + v_y - 2 cov: what the numerator lacks to the denominator.
  const quotient = tf.div(tf.sub(base, tf.sub(difference, centred.gap)), base);
  inputs.watch?.('cs', quotient);

  const l = power(luminance.value, alpha);
  const r = power(quotient, beta);
  // f = dSSIM/dr / base, h = dSSIM/dl / its base
  const f = tf.div(beta === 1 ? l : tf.mul(l, powerSlope(quotient, beta)), base);
  const fr = tf.mul(f, quotient);
  const h = alpha === 0 ? null : tf.div(alpha === 1 ? r : tf.mul(powerSlope(luminance.value, alpha), r), luminance.base);
  return { ssim: tf.mul(l, r), mean: meanGradient(inputs, f, fr, h), second: { cross: f, energy: fr } };
}

/** Half of what the filtered x receives: h (my - l mx) of the luminance, and fr mx - f my of the centred moments. */
function meanGradient({ luminance, centred }: Inputs, f: tf.Tensor, fr: tf.Tensor, h: tf.Tensor | null): tf.Tensor {
  if (h === null) return tf.sub(tf.mul(centred.meanX, fr), tf.mul(centred.meanY, f));
  const hl = tf.mul(h, luminance.value);
  if (luminance.meanX === centred.meanX) return tf.add(tf.mul(centred.meanY, tf.sub(h, f)), tf.mul(centred.meanX, tf.sub(fr, hl)));
  const own = tf.sub(tf.mul(luminance.meanY, h), tf.mul(luminance.meanX, hl));
  return tf.add(own, tf.sub(tf.mul(centred.meanX, fr), tf.mul(centred.meanY, f)));
}
