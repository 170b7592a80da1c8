import type { InputRule } from './exported-model.js';
import type { KnownPixels } from './pixels.js';

/** [height, width] */
export type Size = readonly [number, number];

/**
 * The size of an image as the network sees it: the short side becomes `minSize` unless the long one would exceed
 * `maxSize`.
 */
export function resizedSize(height: number, width: number, { fixedSize, minSize, maxSize, resize }: InputRule): Size {
  if (fixedSize) return fixedSize;
  const scale = Math.min(minSize.at(-1)! / Math.min(height, width), maxSize / Math.max(height, width));
  return [wholeSide(height * scale, resize), wholeSide(width * scale, resize)];
}

export const wholeSide = (side: number, rule: InputRule['resize']): number =>
  Math.max(1, Math.trunc(rule === 'mmdet' ? side + 0.5 : side));

/** Where the values of an image go. */
export interface Target {
  readonly data: Float32Array | Uint8Array;
  /** Values from one row, one pixel, one channel to the next. */
  readonly strides: readonly [row: number, pixel: number, channel: number];
  /** To whole values. */
  readonly round: boolean;
}

/** Bilinear: half-pixel centres, no antialiasing; places in float32, as the trained network has seen its images. */
export function resizeInto({ data: out, strides, round }: Target, image: KnownPixels, [height, width]: Size): void {
  const { data, channels } = image;
  const ys = axis(image.height, height, image.width * channels);
  const xs = axis(image.width, width, channels);
  const [row, pixel, channel] = strides;
  for (let y = 0; y < height; y++) {
    const [top, bottom, wy] = [ys.low[y]!, ys.high[y]!, ys.weight[y]!];
    for (let x = 0; x < width; x++) {
      const [left, right, wx] = [xs.low[x]!, xs.high[x]!, xs.weight[x]!];
      const to = y * row + x * pixel;
      for (let c = 0; c < 3; c++) {
        const above = (1 - wx) * data[top + left + c]! + wx * data[top + right + c]!;
        const below = (1 - wx) * data[bottom + left + c]! + wx * data[bottom + right + c]!;
        const value = (1 - wy) * above + wy * below;
        out[to + c * channel] = round ? (Math.fround(value) + 0.5) | 0 : value;
      }
    }
  }
}

/** Of each place the two neighbours, as offsets, and the weight of the upper one. */
function axis(from: number, to: number, step: number) {
  const scale = Math.fround(from / to);
  const [low, high, weight] = [new Int32Array(to), new Int32Array(to), new Float32Array(to)];
  for (let i = 0; i < to; i++) {
    const source = Math.max(0, Math.fround(Math.fround(scale * (i + 0.5)) - 0.5));
    const first = Math.min(Math.floor(source), from - 1);
    low[i] = first * step;
    high[i] = Math.min(first + 1, from - 1) * step;
    weight[i] = Math.min(source - first, 1);
  }
  return { low, high, weight };
}
