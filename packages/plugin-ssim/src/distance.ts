import * as tf from '@tensorflow/tfjs-core';
import type { Constants, MapPair, Watch } from './maps.js';
import { mapFilter } from './axis-filter.js';
import type { SsimSettings } from './settings.js';
import { ssimMaps } from './ssim-maps.js';

/** `ssim` is the method; `l1` and `l2` are what its paper compares it with. */
export type LossName = 'ssim' | 'l1' | 'l2';

export type RawPair = Pick<MapPair, 'x' | 'y'>;

/** A distance of two maps that is a mean over elements, with its gradient. */
export interface Distance {
  /** [height, width] of the elements that the mean runs over */
  readonly size: readonly [number, number];
  /** Factor of every element. */
  readonly share: number;
  /** What the sum's gradient is, over `gradient` of a block. */
  readonly slope: number;
  /** Σ w d and its gradient with respect to pair.x [n, h, w, c]. Runs outside of any gradient tape. */
  measure(
    pair: RawPair,
    weights?: tf.Tensor4D,
    watch?: Watch,
  ): { readonly total: tf.Scalar; readonly gradient: tf.Tensor4D };
}

const weigh = (map: tf.Tensor, weights: tf.Tensor4D | undefined): tf.Tensor4D =>
  (weights ? tf.mul(map, weights) : map) as tf.Tensor4D;

export function ssimDistance(height: number, width: number, constants: Constants, settings: SsimSettings): Distance {
  const filter = mapFilter(height, width, settings);
  const bounded = settings.normalize === 'minmax' && settings.rangeFrom === 'own';
  const share = settings.form === 'half' ? 0.5 : 1;
  return {
    size: filter.size,
    share,
    slope: -2 * share,
    measure(raw, weights, watch) {
      const pair = bounded ? raw : centred(raw);
      const maps = tf.tidy(() => ssimMaps(pair, filter, constants, settings, watch));
      watch?.('ssim', maps.ssim);
      const [n, h, w, c] = maps.ssim.shape as [number, number, number, number];
      const most = weights ? tf.mul(tf.sum(weights), c) : tf.scalar(n * h * w * c);
      const total = tf.sub<tf.Scalar>(most, tf.sum(weigh(maps.ssim, weights)));
      const back = (map: tf.Tensor): tf.Tensor4D => tf.tidy(() => filter.adjoint(weigh(map, weights)));
      const mean = back(maps.mean);
      if (!maps.second) return { total, gradient: mean };
      const { cross, energy } = maps.second;
      const withCross = tf.tidy(() => tf.add(mean, tf.mul(pair.y, back(cross))));
      return { total, gradient: tf.tidy(() => tf.sub(withCross, tf.mul(pair.x, back(energy)))) };
    },
  };
}

/** |x - y| or (x - y)², whose gradient at 0 is 0. */
export function powerDistance(height: number, width: number, power: 1 | 2): Distance {
  return {
    size: [height, width],
    share: 1,
    slope: power,
    measure({ x, y }, weights) {
      const difference = tf.sub(x, y);
      const distance = power === 1 ? tf.abs(difference) : tf.square(difference);
      return {
        total: tf.sum<tf.Scalar>(weigh(distance, weights)),
        gradient: weigh(power === 1 ? tf.sign(difference) : difference, weights),
      };
    },
  };
}

/**
 * Takes a constant a channel off both maps: where the mean is much larger than the spread, E[x²] - E[x]² loses its
 * digits.
 */
function centred({ x, y }: RawPair): MapPair {
  const offsets = { x: tf.mean(x, [0, 1, 2], true), y: tf.mean(y, [0, 1, 2], true) };
  return { x: tf.sub(x, offsets.x), y: tf.sub(y, offsets.y), offsets };
}
