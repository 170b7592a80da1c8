import { KdError, type InputSpec } from '@kd/core/plain';
import type { HostImage } from '../decode/image.js';

/**
 * The size after resizing: the short side becomes `minSize` unless the long one would exceed `maxSize`. By
 * torchvision's rule products are cut, so a side may come out one below `minSize` (97x128 at 112 has height 111); by
 * mmdetection's they are rounded.
 * @returns [height, width]
 * @throws KdError USAGE for sides that are none
 */
export function resizedSize(
  height: number,
  width: number,
  minSize: number,
  maxSize: number,
  rule: NonNullable<InputSpec['resize']> = 'torchvision',
): [number, number] {
  const sides = [height, width, minSize, maxSize];
  if (!sides.every((side) => Number.isFinite(side) && side > 0))
    throw new KdError('USAGE', `resizedSize wants four sides above 0, not ${sides.join(', ')}.`);
  const scale = Math.min(minSize / Math.min(height, width), maxSize / Math.max(height, width));
  const whole = (side: number): number => Math.max(1, Math.trunc(rule === 'mmdet' ? side + 0.5 : side));
  return [whole(height * scale), whole(width * scale)];
}

interface Axis {
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** Of the upper neighbour. */
  readonly weight: Float32Array;
}

/** Half-pixel centres, no antialiasing; in float32, as the frameworks compute it. */
function axis(from: number, to: number): Axis {
  const scale = Math.fround(from / to);
  const [low, high, weight] = [new Int32Array(to), new Int32Array(to), new Float32Array(to)];
  for (let i = 0; i < to; i++) {
    const source = Math.max(0, Math.fround(Math.fround(scale * (i + 0.5)) - 0.5));
    low[i] = Math.min(Math.floor(source), from - 1);
    high[i] = Math.min(low[i]! + 1, from - 1);
    weight[i] = Math.min(source - low[i]!, 1);
  }
  return { low, high, weight };
}

/** How pixels become values of the network. */
export type Normalisation = Pick<InputSpec, 'mean' | 'std' | 'range' | 'channels' | 'resize'>;

/**
 * [3 * 256] `(v · range / 255 - mean) / std` of the image's channels, every step in float32: what normalising first
 * gives.
 */
function normalised({ mean, std, range = 1, channels }: Normalisation): Float32Array {
  const table = new Float32Array(768);
  for (let c = 0; c < 3; c++) {
    const place = channels === 'bgr' ? 2 - c : c;
    const [m, s] = [Math.fround(mean[place]!), Math.fround(std[place]!)];
    for (let v = 0; v < 256; v++) table[c * 256 + v] = Math.fround(Math.fround((v * range) / 255) - m) / s;
  }
  return table;
}

/** [3 * 256] The values themselves. */
const PIXELS = Float32Array.from({ length: 768 }, (_, i) => i & 255);

/** Rows of a larger buffer that an image is written to. */
export interface Target {
  readonly data: Float32Array;
  /** Index of the first value of the first row. */
  readonly offset: number;
  /** Values from one row to the next. */
  readonly rowStride: number;
}

/**
 * Resizes bilinearly to `[height, width, 3]` into `target`: normalised values, or (`resize: 'mmdet'`) pixels, whose
 * whole values are normalised then.
 */
export function resizeInto(
  target: Target,
  image: HostImage,
  height: number,
  width: number,
  input: Normalisation,
): void {
  const { data, width: sourceWidth } = image;
  const table = normalised(input);
  const first = input.resize === 'mmdet' ? PIXELS : table;
  // Where a channel of the image goes: c becomes turn - c or c.
  const [turn, sign] = input.channels === 'bgr' ? [2, -1] : [0, 1];
  const [ys, xs] = [axis(image.height, height), axis(sourceWidth, width)];
  const out = target.data;
  for (let y = 0; y < height; y++) {
    const top = ys.low[y]! * sourceWidth * 3;
    const bottom = ys.high[y]! * sourceWidth * 3;
    const wy = ys.weight[y]!;
    let to = target.offset + y * target.rowStride;
    for (let x = 0; x < width; x++) {
      const left = xs.low[x]! * 3;
      const right = xs.high[x]! * 3;
      const wx = xs.weight[x]!;
      for (let c = 0; c < 3; c++) {
        const base = c << 8;
        const a = first[base + data[top + left + c]!]!;
        const b = first[base + data[top + right + c]!]!;
        const d = first[base + data[bottom + left + c]!]!;
        const e = first[base + data[bottom + right + c]!]!;
        out[to + turn + sign * c] = (1 - wy) * ((1 - wx) * a + wx * b) + wy * ((1 - wx) * d + wx * e);
      }
      to += 3;
    }
    if (first === PIXELS) normaliseRow(out, target.offset + y * target.rowStride, width, table, turn, sign);
  }
}

/** Whole values of 0 to 255, in their places, by the table of the image's channels. */
function normaliseRow(
  out: Float32Array,
  start: number,
  width: number,
  table: Float32Array,
  turn: number,
  sign: number,
): void {
  for (let x = 0; x < width; x++)
    for (let c = 0; c < 3; c++) {
      const at = start + 3 * x + turn + sign * c;
      out[at] = table[(c << 8) + Math.round(out[at]!)]!;
    }
}
