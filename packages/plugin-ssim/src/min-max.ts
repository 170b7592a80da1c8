import * as tf from '@tensorflow/tfjs-core';
import type { Block } from './blocks.js';
import type { SsimSettings } from './settings.js';

const RANGE_EPSILON = 1e-6;

/** The range that maps a feature to [0, 1], one a scope: [1 or n, 1, 1, 1 or c] each. */
export interface ScopeRange {
  readonly lowest: tf.Tensor4D;
  readonly highest: tf.Tensor4D;
  /** 1/(highest - lowest + 1e-6), or 0 where the range is flat: the result and its gradient are 0 there. */
  readonly inverse: tf.Tensor4D;
}

const AXES = { tensor: [0, 1, 2, 3], image: [1, 2, 3], channel: [1, 2] } as const;

export const scopeAxes = (scope: SsimSettings['scope']): number[] => [...AXES[scope]];

export function scopeRange(map: tf.Tensor4D, scope: SsimSettings['scope']): ScopeRange {
  const lowest = tf.min<tf.Tensor4D>(map, scopeAxes(scope), true);
  const highest = tf.max<tf.Tensor4D>(map, scopeAxes(scope), true);
  const width = tf.sub(highest, lowest);
  const wide = tf.cast(tf.greaterEqual(width, RANGE_EPSILON), 'float32');
  return { lowest, highest, inverse: tf.div(wide, tf.add(width, RANGE_EPSILON)) };
}

/** The part of a range that belongs to a block. */
export function sliceRange(range: ScopeRange, { image, images, channel, channels }: Block): ScopeRange {
  const part = (of: tf.Tensor4D): tf.Tensor4D => {
    const [n, , , c] = of.shape;
    return tf.slice(
      of,
      [n === 1 ? 0 : image, 0, 0, c === 1 ? 0 : channel],
      [n === 1 ? 1 : images, 1, 1, c === 1 ? 1 : channels],
    );
  };
  return { lowest: part(range.lowest), highest: part(range.highest), inverse: part(range.inverse) };
}

/** [n, h, w, c] -> [0, 1] */
export const toUnit = (map: tf.Tensor4D, range: ScopeRange): tf.Tensor4D =>
  tf.mul(tf.sub(map, range.lowest), range.inverse);

/** Sums over a scope that the gradient of minimum and maximum needs: [1 or n, 1, 1, 1 or c] each. */
export type ExtremeSums = {
  /** Σ g z, the loss's pull on the maximum */
  readonly top: tf.Tensor;
  /** Σ g (1 - z), the pull on the minimum */
  readonly bottom: tf.Tensor;
  /** How many elements tie for each. */
  readonly tops: tf.Tensor;
  readonly bottoms: tf.Tensor;
};

/**
 * @param map [n, h, w, c] before the mapping
 * @param unit [n, h, w, c] after it
 * @param gradient [n, h, w, c] with respect to the feature, minimum and maximum held fixed
 */
export function extremeSums(
  map: tf.Tensor4D,
  unit: tf.Tensor4D,
  gradient: tf.Tensor4D,
  range: ScopeRange,
  scope: SsimSettings['scope'],
): ExtremeSums {
  const axes = scopeAxes(scope);
  const top = tf.sum(tf.mul(gradient, unit), axes, true);
  return {
    top,
    bottom: tf.sub(tf.sum(gradient, axes, true), top),
    tops: tf.sum(at(map, range.highest), axes, true),
    bottoms: tf.sum(at(map, range.lowest), axes, true),
  };
}

export function addSums(sums: readonly ExtremeSums[]): ExtremeSums {
  const total = (of: (one: ExtremeSums) => tf.Tensor): tf.Tensor => tf.addN(sums.map(of));
  return {
    top: total((s) => s.top),
    bottom: total((s) => s.bottom),
    tops: total((s) => s.tops),
    bottoms: total((s) => s.bottoms),
  };
}

/**
 * Adds what flows through maximum and minimum: split evenly among ties, which the gradients of `tf.max` and `tf.min` do
 * not do.
 */
export function throughExtremes(
  gradient: tf.Tensor4D,
  map: tf.Tensor4D,
  range: ScopeRange,
  sums: ExtremeSums,
): tf.Tensor4D {
  const highest = tf.mul(at(map, range.highest), tf.div(sums.top, sums.tops));
  const lowest = tf.mul(at(map, range.lowest), tf.div(sums.bottom, sums.bottoms));
  return tf.sub(tf.sub(gradient, highest), lowest);
}

const at = (map: tf.Tensor4D, value: tf.Tensor4D): tf.Tensor4D => tf.cast(tf.equal(map, value), 'float32');
