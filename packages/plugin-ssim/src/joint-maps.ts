import * as tf from '@tensorflow/tfjs-core';
import type { Inputs, SsimMaps } from './maps.js';
import { power, powerSlope } from './signed-power.js';

/**
 * beta = gamma: contrast and structure are one quotient r = (2 cov + C2)/(v_x + v_y + C2), without a root. Only the sum
 * of
 * the variances is needed, so four maps are filtered instead of five.
 */
export function jointMaps(inputs: Inputs): SsimMaps {
  const {
    settings: { alpha, beta },
    luminance,
  } = inputs;
  const { base, quotient } = quotientOf(inputs);
  inputs.watch?.('cs', quotient);

  const l = power(luminance.value, alpha);
  const r = power(quotient, beta);
  // f = dSSIM/dr / base, h = dSSIM/dl / its base
  const f = tf.tidy(() => tf.div(beta === 1 ? l : tf.mul(l, powerSlope(quotient, beta)), base));
  base.dispose();
  const fr = tf.mul(f, quotient);
  const h =
    alpha === 0
      ? null
      : tf.tidy(() => tf.div(alpha === 1 ? r : tf.mul(powerSlope(luminance.value, alpha), r), luminance.base));
  const mean = tf.tidy(() => meanGradient(inputs, f, fr, h));
  h?.dispose();
  return { ssim: tf.mul(l, r), mean, second: { cross: f, energy: fr } };
}

function quotientOf({ pair: { x, y }, filter, constants: { c2 }, centred: { meanX, meanY } }: Inputs): {
  base: tf.Tensor;
  quotient: tf.Tensor;
} {
  return tf.tidy(() => {
    const base = tf.tidy(() => tf.add(tf.sub(filter.forward(sumOfSquares(x, y)), sumOfSquares(meanX, meanY)), c2));
    // The variance of x - y is v_x + v_y - 2 cov: what the numerator lacks to the denominator.
    const lack = tf.tidy(() =>
      tf.sub(filter.forward(tf.squaredDifference(x, y) as tf.Tensor4D), tf.squaredDifference(meanX, meanY)),
    );
    return { base, quotient: tf.div(tf.sub(base, lack), base) };
  });
}

export const sumOfSquares = <T extends tf.Tensor>(x: T, y: T): T => tf.tidy(() => tf.add(tf.square(x), tf.square(y)));

/** Half of what the filtered x receives: h (my - l mx) of the luminance, and fr mx - f my of the centred moments. */
function meanGradient({ luminance, centred }: Inputs, f: tf.Tensor, fr: tf.Tensor, h: tf.Tensor | null): tf.Tensor {
  const { meanX, meanY } = centred;
  if (h === null) return difference(meanX, fr, meanY, f);
  if (luminance.meanX !== meanX) {
    const own = tf.tidy(() => tf.mul(h, tf.sub(luminance.meanY, tf.mul(luminance.value, luminance.meanX))));
    return tf.add(own, difference(meanX, fr, meanY, f));
  }
  const hl = tf.mul(h, luminance.value);
  const ofY = tf.tidy(() => tf.mul(meanY, tf.sub(h, f)));
  return tf.add(
    ofY,
    tf.tidy(() => tf.mul(meanX, tf.sub(fr, hl))),
  );
}

/** a b - c d */
const difference = (a: tf.Tensor, b: tf.Tensor, c: tf.Tensor, d: tf.Tensor): tf.Tensor =>
  tf.tidy(() => tf.sub(tf.mul(a, b), tf.mul(c, d)));
