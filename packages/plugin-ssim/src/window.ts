import type { SsimSettings } from './settings.js';

/** A window along one axis as a matrix [out, in] that maps a line of the map to its filtered line. */
export interface AxisMatrix {
  readonly out: number;
  readonly in: number;
  /** Row-major. */
  readonly values: Float32Array;
}

type WindowSettings = Pick<SsimSettings, 'window' | 'windowType' | 'sigma' | 'padding'>;

const cache = new Map<string, AxisMatrix>();

/**
 * The banded matrix of a window for an axis of `n` cells. Every row sums to 1.
 *
 * Small axes: `reflect` becomes `renorm` where there are too few cells to mirror; `valid` shrinks its window to the
 * largest odd size that fits.
 */
export function axisMatrix(n: number, settings: WindowSettings): AxisMatrix {
  const { window, windowType, sigma, padding } = settings;
  const key = [n, window, windowType, sigma, padding].join(' ');
  let matrix = cache.get(key);
  if (matrix === undefined) {
    // Levels come in a few sizes; a run with very many image sizes must not grow without bound.
    if (cache.size >= 512) cache.clear();
    matrix = build(n, settings);
    cache.set(key, matrix);
  }
  return matrix;
}

/** The taps of a window, which sum to 1. */
export function windowTaps(size: number, windowType: SsimSettings['windowType'], sigma: number): Float64Array {
  const taps = Float64Array.from({ length: size }, (_, i) => {
    const d = i - (size - 1) / 2;
    return windowType === 'uniform' ? 1 : Math.exp(-(d * d) / (2 * sigma * sigma));
  });
  const total = taps.reduce((sum, tap) => sum + tap, 0);
  return taps.map((tap) => tap / total);
}

function build(n: number, { window, windowType, sigma, padding }: WindowSettings): AxisMatrix {
  if (padding === 'valid') {
    const size = Math.max(1, Math.min(window, n % 2 === 1 ? n : n - 1));
    const taps = windowTaps(size, windowType, sigma);
    const out = n - size + 1;
    const values = new Float32Array(out * n);
    for (let i = 0; i < out; i++) values.set(taps, i * n + i);
    return { out, in: n, values };
  }
  const reach = (window - 1) / 2;
  const mirror = padding === 'reflect' && n > reach;
  const taps = windowTaps(window, windowType, sigma);
  const values = new Float32Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = new Float64Array(n);
    for (let j = 0; j < window; j++) {
      let at = i + j - reach;
      if (mirror) at = at < 0 ? -at : at >= n ? 2 * (n - 1) - at : at;
      if (at >= 0 && at < n) row[at]! += taps[j]!;
    }
    const total = mirror ? 1 : row.reduce((sum, tap) => sum + tap, 0);
    values.set(
      row.map((tap) => tap / total),
      i * n,
    );
  }
  return { out: n, in: n, values };
}
