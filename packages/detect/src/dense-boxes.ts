import type { BoxCode, PriorGrid } from './exported-model.js';
import type { Size } from './resize.js';

const f = Math.fround;

/** Four numbers of a box, such as x1 y1 x2 y2. */
export type Corners = readonly [number, number, number, number];

/** A level of a head's priors. */
export interface LevelPriors {
  /** Boxes of the cell x = y = 0. */
  readonly cells: PriorGrid['cells'][number];
  /** [y, x] */
  readonly stride: readonly [number, number];
  /** Cells of a row. */
  readonly width: number;
}

export function levelPriors({ cells, strides }: PriorGrid, level: number, map: Size, padded: Size): LevelPriors {
  const stride = strides?.[level] ?? ([Math.floor(padded[0] / map[0]), Math.floor(padded[1] / map[1])] as const);
  return { cells: cells[level]!, stride, width: map[1] };
}

/** Values of the `reg` map a prior. */
export const codeLength = (boxes: BoxCode): number => 4 * (boxes.code === 'distribution' ? boxes.bins : 1);

/** The box of one prior of a level, x1 y1 x2 y2 in pixels of the padded image. */
export function boxOf(reg: Float32Array, prior: number, { cells, stride, width }: LevelPriors, code: BoxCode) {
  const cell = Math.floor(prior / cells.length);
  const [dx, dy] = [(cell % width) * stride[1], Math.floor(cell / width) * stride[0]];
  const [x1, y1, x2, y2] = cells[prior % cells.length]!.map((side, i) =>
    f(f(side) + (i % 2 === 0 ? dx : dy)),
  ) as unknown as Corners;
  const at = prior * codeLength(code);
  if (code.code === 'delta') return deltaBox(reg, at, [x1, y1, x2, y2], code);
  const [w, h] = [f(x2 - x1), f(y2 - y1)];
  const distance = (side: number): number => {
    if (code.code === 'distribution')
      return meanBin(reg.subarray(at + side * code.bins, at + (side + 1) * code.bins)) * stride[1];
    const value = reg[at + side]!;
    return code.unit === 'pixels' ? value : value * (side % 2 === 0 ? w : h);
  };
  const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
  return Float32Array.of(x - distance(0), y - distance(1), x + distance(2), y + distance(3));
}

/** The box that four codes from `at` on make of another one. */
export function deltaBox(
  codes: Float32Array,
  at: number,
  [x1, y1, x2, y2]: Corners,
  { weights, clip, clipBelow = -Infinity }: BoxCode & { readonly code: 'delta' },
): Float32Array {
  const [w, h] = [f(x2 - x1), f(y2 - y1)];
  const [cx, cy, logW, logH] = weights.map((weight, i) => codes[at + i]! / weight) as unknown as Corners;
  const half = (log: number, size: number): number => Math.exp(Math.min(Math.max(log, clipBelow), clip)) * size * 0.5;
  const [x, y, halfW, halfH] = [cx * w + x1 + w / 2, cy * h + y1 + h / 2, half(logW, w), half(logH, h)];
  return Float32Array.of(x - halfW, y - halfH, x + halfW, y + halfH);
}

/** A box clipped to an image, in its place. */
export function clip(box: Float32Array, [height, width]: Size): Float32Array {
  box.forEach((side, i) => (box[i] = Math.min(Math.max(side, 0), i % 2 === 0 ? width : height)));
  return box;
}

/** The mean of a softmax distribution over 0, 1, 2, … */
function meanBin(logits: Float32Array): number {
  const highest = Math.max(...logits);
  let [sum, weighted] = [0, 0];
  logits.forEach((logit, bin) => {
    const weight = Math.exp(logit - highest);
    sum += weight;
    weighted += weight * bin;
  });
  return weighted / sum;
}
