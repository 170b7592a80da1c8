import type { TwoStageDetections } from './exported-model.js';
import type { Size } from './resize.js';

const f = Math.fround;

/** A map that regions are pooled from. */
export interface Level {
  /** [h, w, c] */
  readonly data: Float32Array;
  readonly size: Size;
}

/** Added to the sides at which levels change: outside of the logarithm, or where strides are given within it. */
const EPSILON = 1e-6;

/**
 * RoIAlign over a pyramid (Lin et al., 2017; He et al., 2017): each box from the level that its size says, each bin the
 * mean of bilinear samples. Samples more than one cell outside of the map count as 0.
 * @param boxes x1 y1 x2 y2 in pixels of the resized image
 * @param levels finest first
 * @returns [n, s, s, c]
 */
export function pooledRegions(
  boxes: readonly Float32Array[],
  levels: readonly Level[],
  channels: number,
  imageSize: Size,
  pooling: TwoStageDetections['pooling'],
): Float32Array {
  const { outputSize: bins, samplingRatio, aligned, strides, canonicalScale, canonicalLevel } = pooling;
  const scales = levels.map(({ size }, i) =>
    strides === null ? 2 ** Math.round(Math.log2(size[0] / imageSize[0])) : 1 / strides[i]!,
  );
  const first = canonicalScale * 2 ** (-Math.log2(scales[0]!) - canonicalLevel);
  const ends = scales.slice(1).map((_, i) => f(first * (strides ? 2 ** (i + 1) - EPSILON : 2 ** (i + 1 - EPSILON))));
  const out = new Float32Array(boxes.length * bins * bins * channels);
  boxes.forEach((box, region) => {
    const side = f(Math.sqrt(f(f(box[2]! - box[0]!) * f(box[3]! - box[1]!))));
    const at = ends.filter((end) => side >= end).length;
    const { data, size } = levels[at]!;
    const [x1, y1, x2, y2] = Array.from(box, (corner) => f(f(corner * scales[at]!) - (aligned ? 0.5 : 0)));
    const ys = samples(y1!, y2!, bins, samplingRatio, aligned, size[0]);
    const xs = samples(x1!, x2!, bins, samplingRatio, aligned, size[1]);
    for (let by = 0, to = region * bins * bins * channels; by < bins; by++)
      for (let bx = 0; bx < bins; bx++, to += channels)
        for (const { cell: row, weight: down } of ys[by]!)
          for (const { cell, weight } of xs[bx]!) {
            const from = (row * size[1] + cell) * channels;
            for (let c = 0; c < channels; c++) out[to + c]! += down * weight * data[from + c]!;
          }
  });
  return out;
}

/** The cells that each bin of an axis reads, with the share of each. */
function samples(low: number, high: number, bins: number, ratio: number, aligned: boolean, side: number) {
  const length = f(high - low);
  const bin = f((aligned ? length : Math.max(length, 1)) / bins);
  const count = ratio > 0 ? ratio : Math.max(0, Math.ceil(bin));
  return Array.from({ length: bins }, (_, i) => {
    const shares = new Map<number, number>();
    const add = (cell: number, weight: number): unknown =>
      weight > 0 && shares.set(cell, (shares.get(cell) ?? 0) + weight / count);
    for (let k = 0; k < count; k++) {
      const place = f(f(low + bin * i) + (bin * (k + 0.5)) / count);
      if (place < -1 || place > side) continue;
      const within = Math.min(Math.max(place, 0), side - 1);
      const cell = Math.floor(within);
      add(cell, 1 - (within - cell));
      add(Math.min(cell + 1, side - 1), within - cell);
    }
    return Array.from(shares, ([cell, weight]) => ({ cell, weight }));
  });
}
