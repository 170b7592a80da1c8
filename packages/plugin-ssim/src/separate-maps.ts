import * as tf from '@tensorflow/tfjs-core';
import type { Inputs, SsimMaps } from './maps.js';
import { power, powerSlope } from './signed-power.js';

/**
 * beta != gamma: contrast and structure apart. One jitter on all second moments together keeps SSIM(x, x) = 1 for
 * constant
 * maps and |structure| <= 1; it also keeps the roots away from 0, where their gradient is not finite.
 */
export function separateMaps({
  pair: { x, y },
  filter,
  constants,
  settings,
  luminance,
  centred,
  watch,
}: Inputs): SsimMaps {
  const { alpha, beta, gamma } = settings;
  const { c2, jitter } = constants;
  const c3 = tf.mul(c2, 0.5);
  const varianceX = tf.sub(filter.forward(tf.square(x)), tf.square(centred.meanX));
  const varianceY = tf.sub(filter.forward(tf.square(y)), tf.square(centred.meanY));
  const covariance = tf.sub(filter.forward(tf.mul(x, y)), tf.mul(centred.meanX, centred.meanY));
  watch?.('var_s', varianceX);
  watch?.('var_t', varianceY);
  watch?.('cov', covariance);

  const vx = tf.add(tf.relu(varianceX), jitter);
  const vy = tf.add(tf.relu(varianceY), jitter);
  const q = tf.mul(tf.sqrt(vx), tf.sqrt(vy));
  const contrastBase = tf.add(tf.add(vx, vy), c2);
  const structureBase = tf.add(q, c3);
  const contrast = tf.div(tf.add(tf.mul(q, 2), c2), contrastBase);
  const structure = tf.div(tf.add(tf.add(covariance, jitter), c3), structureBase);
  watch?.('contrast', contrast);
  watch?.('structure', structure);

  const l = power(luminance.value, alpha);
  const c = power(contrast, beta);
  const s = power(structure, gamma);
  const cs = tf.mul(c, s);

  // Below 0 a variance is rounding and has been cut off: nothing flows back through it.
  const on = tf.cast(tf.greater(varianceX, 0), 'float32');
  const dq = tf.mul(on, tf.div(tf.mul(q, 0.5), vx));
  const structureSlope = gamma === 0 ? null : tf.div(tf.mul(tf.mul(l, c), powerSlope(structure, gamma)), structureBase);
  const contrastSlope = beta === 0 ? null : tf.div(tf.mul(tf.mul(l, s), powerSlope(contrast, beta)), contrastBase);
  const cross = structureSlope === null ? tf.zerosLike(q) : tf.mul(structureSlope, 0.5);
  const energy = sum([
    contrastSlope && tf.mul(contrastSlope, tf.sub(tf.mul(on, contrast), tf.mul(dq, 2))),
    structureSlope && tf.mul(structureSlope, tf.mul(structure, dq)),
  ]);
  const mean = sum([
    alpha === 0
      ? null
      : tf.mul(
          tf.div(tf.mul(powerSlope(luminance.value, alpha), cs), luminance.base),
          tf.sub(luminance.meanY, tf.mul(luminance.value, luminance.meanX)),
        ),
    tf.sub(tf.mul(centred.meanX, energy), tf.mul(centred.meanY, cross)),
  ]);
  return { ssim: tf.mul(l, cs), mean, second: { cross, energy } };
}

/** beta and gamma differ, so at least one term is there. */
const sum = (terms: readonly (tf.Tensor | null)[]): tf.Tensor => tf.addN(terms.filter((term) => term !== null));
