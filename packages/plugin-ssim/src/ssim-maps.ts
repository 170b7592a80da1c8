import * as tf from '@tensorflow/tfjs-core';
import type { MapFilter } from './axis-filter.js';
import { jointMaps, sumOfSquares } from './joint-maps.js';
import type { Centred, Constants, Luminance, MapPair, SsimMaps, Watch } from './maps.js';
import { separateMaps } from './separate-maps.js';
import type { SsimSettings } from './settings.js';
import { power, powerSlope } from './signed-power.js';

/**
 * SSIM of two maps and its derivatives in one pass: nothing here is seen by a gradient tape. Every stage keeps only
 * what later
 * ones read; the rest is freed at once, and its memory is taken again while it is still in the cache.
 */
export function ssimMaps(
  pair: MapPair,
  filter: MapFilter,
  constants: Constants,
  settings: SsimSettings,
  watch?: Watch,
): SsimMaps {
  const { offsets } = pair;
  const x = filter.forward(pair.x);
  const y = filter.forward(pair.y);
  const centred: Centred = { meanX: x, meanY: y };
  const luminance = luminanceOf(offsets ? tf.add(x, offsets.x) : x, offsets ? tf.add(y, offsets.y) : y, constants);
  watch?.('mu_s', luminance.meanX);
  watch?.('mu_t', luminance.meanY);
  watch?.('luminance', luminance.value);

  const { alpha, beta, gamma } = settings;
  if (beta === 0 && gamma === 0) {
    const slope = tf.div(powerSlope(luminance.value, alpha), luminance.base);
    const mean = tf.mul(slope, tf.sub(luminance.meanY, tf.mul(luminance.value, luminance.meanX)));
    return { ssim: power(luminance.value, alpha), mean };
  }
  const inputs = { pair, filter, constants, settings, luminance, centred, watch };
  return beta === gamma ? jointMaps(inputs) : separateMaps(inputs);
}

function luminanceOf(meanX: tf.Tensor, meanY: tf.Tensor, { c1 }: Constants): Luminance {
  const base = tf.tidy(() => tf.add(sumOfSquares(meanX, meanY), c1));
  // base less (mx - my)² is 2 mx my + C1, and the quotient exactly 1 where the means agree.
  const value = tf.tidy(() => tf.div(tf.sub(base, tf.squaredDifference(meanX, meanY)), base));
  return { value, meanX, meanY, base };
}
