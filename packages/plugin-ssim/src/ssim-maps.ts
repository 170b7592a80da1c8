import * as tf from '@tensorflow/tfjs-core';
import type { MapFilter } from './axis-filter.js';
import { jointMaps } from './joint-maps.js';
import type { Centred, Constants, Luminance, MapPair, SsimMaps, Watch } from './maps.js';
import { separateMaps } from './separate-maps.js';
import type { SsimSettings } from './settings.js';
import { power, powerSlope } from './signed-power.js';

/** SSIM of two maps and its derivatives, all in one pass: nothing here is seen by a gradient tape. */
export function ssimMaps(pair: MapPair, filter: MapFilter, constants: Constants, settings: SsimSettings, watch?: Watch): SsimMaps {
  const { offsets } = pair;
  const x = filter.forward(pair.x);
  const y = filter.forward(pair.y);
  const centred: Centred = { meanX: x, meanY: y, squares: tf.add(tf.square(x), tf.square(y)), gap: tf.squaredDifference(x, y) };
  const luminance = offsets ? luminanceOf(tf.add(x, offsets.x), tf.add(y, offsets.y), constants) : luminanceOf(x, y, constants, centred);
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

function luminanceOf(meanX: tf.Tensor, meanY: tf.Tensor, { c1 }: Constants, known?: Pick<Centred, 'squares' | 'gap'>): Luminance {
  const squares = known?.squares ?? tf.add(tf.square(meanX), tf.square(meanY));
  const gap = known?.gap ?? tf.squaredDifference(meanX, meanY);
  const base = tf.add(squares, c1);
  // (base - gap)/base is 2 mx my + C1 over base, and exactly 1 where the means agree.
  return { value: tf.div(tf.sub(base, gap), base), meanX, meanY, base };
}
