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
  /** Of the lower and of the upper neighbour, as offsets. */
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** Of the upper neighbour. */
  readonly weight: Float32Array;
}

/**
 * Half-pixel centres, no antialiasing; in float32, as the frameworks compute it.
 * @param step from one place to the next
 */
function axis(from: number, to: number, step: number): Axis {
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
  const table = normalised(input);
  // Where a channel of the image goes: c becomes turn - c or c.
  const [turn, sign] = input.channels === 'bgr' ? [2, -1] : [0, 1];
  if (height === image.height && width === image.width) return asItIs(target, image, table, turn);
  const values = input.resize === 'mmdet' ? PIXELS : table;
  const rows = axis(image.height, height, image.width * 3);
  const columns = axis(image.width, width, 3);
  for (let y = 0; y < height; y++) {
    const start = target.offset + y * target.rowStride;
    const between = { top: rows.low[y]!, bottom: rows.high[y]!, weight: rows.weight[y]! };
    resizeRow(target.data, start, image.data, between, columns, values, turn);
    if (values === PIXELS) normaliseRow(target.data, start, width, table, turn, sign);
  }
}

/** What the same size gives: every pixel by the table. */
function asItIs(
  { data: out, offset, rowStride }: Target,
  { data, height, width }: HostImage,
  table: Float32Array,
  turn: number,
): void {
  const last = 2 - turn;
  for (let y = 0, from = 0; y < height; y++)
    for (let x = 0, to = offset + y * rowStride; x < width; x++, from += 3, to += 3) {
      out[to + turn] = table[data[from]!]!;
      out[to + 1] = table[256 + data[from + 1]!]!;
      out[to + last] = table[512 + data[from + 2]!]!;
    }
}

/** Channel by channel written out: loops and tables of one pixel cost as much as its arithmetic. */
function resizeRow(
  out: Float32Array,
  start: number,
  data: Uint8Array,
  { top, bottom, weight: wy }: { readonly top: number; readonly bottom: number; readonly weight: number },
  { low, high, weight }: Axis,
  values: Float32Array,
  turn: number,
): void {
  const [red, green, blue] = [values.subarray(0, 256), values.subarray(256, 512), values.subarray(512)];
  const last = 2 - turn;
  const vy = 1 - wy;
  for (let x = 0, to = start; x < low.length; x++, to += 3) {
    const a = top + low[x]!;
    const b = top + high[x]!;
    const d = bottom + low[x]!;
    const e = bottom + high[x]!;
    const w = weight[x]!;
    const v = 1 - w;
    out[to + turn] = vy * (v * red[data[a]!]! + w * red[data[b]!]!) + wy * (v * red[data[d]!]! + w * red[data[e]!]!);
    out[to + 1] =
      vy * (v * green[data[a + 1]!]! + w * green[data[b + 1]!]!) +
      wy * (v * green[data[d + 1]!]! + w * green[data[e + 1]!]!);
    out[to + last] =
      vy * (v * blue[data[a + 2]!]! + w * blue[data[b + 2]!]!) +
      wy * (v * blue[data[d + 2]!]! + w * blue[data[e + 2]!]!);
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
      // Math.round of what is not below 0, at a sixth of its time.
      out[at] = table[(c << 8) + ((out[at]! + 0.5) | 0)]!;
    }
}
