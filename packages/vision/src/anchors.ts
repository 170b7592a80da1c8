import { KdError } from '@kd/core';
import type { PriorGrid, Priors } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

type Size = readonly [height: number, width: number];

export interface AnchorOptions {
  /** Anchor sizes in pixels (square root of the area) per level. */
  readonly sizes: readonly (readonly number[])[];
  /** Aspect ratios height / width per level. */
  readonly ratios: readonly (readonly number[])[];
  /** Corners of cell anchors to whole pixels, half to even; default true. */
  readonly round?: boolean;
  /** [stride y, stride x] per level; default: the whole quotient of the padded batch and the level. */
  readonly strides?: readonly Size[];
}

const halfToEven = (x: number): number => {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
};

/**
 * The anchors of one cell, centred on the origin: ratios outer, sizes inner; computed in float32 as torchvision does.
 * @returns x1, y1, x2, y2 of each, [ratios * sizes * 4]
 */
export function cellAnchors(sizes: readonly number[], ratios: readonly number[], round = true): Float32Array {
  const f = Math.fround;
  const corners: number[] = [];
  for (const ratio of ratios) {
    const heightFactor = f(Math.sqrt(f(ratio)));
    const widthFactor = f(1 / heightFactor);
    for (const size of sizes) {
      const x = f(widthFactor * f(size)) / 2;
      const y = f(heightFactor * f(size)) / 2;
      corners.push(-x, -y, x, y);
    }
  }
  return Float32Array.from(corners, (c) => (round ? halfToEven(c) : c));
}

/**
 * The centres of the cells of all levels as squares around them, one prior a cell: what point detectors assign to.
 * @param levels [height, width] in cells per level, finest first
 * @param options.sizes side of the squares of each level, in pixels
 */
export const cellCentres = (
  levels: readonly Size[],
  paddedSize: Size,
  options: Parameters<typeof centreCells>[0],
): Priors => layPriors(levels, paddedSize, centreCells(options));

/** The same before any batch. */
export const centreCells = ({
  strides,
  sizes,
}: {
  readonly strides: readonly number[];
  readonly sizes: readonly number[];
}): PriorGrid => ({
  cells: strides.map((stride, i) => {
    const [low, high] = [(stride - sizes[i]!) / 2, (stride + sizes[i]!) / 2];
    return [[low, low, high, high]];
  }),
  strides: strides.map((stride) => [stride, stride]),
});

/** [stride y, stride x] of a level: the whole quotient of the padded batch size and the level size (160 / 3 = 53). */
function strideOf(padded: Size, level: Size, index: number): Size {
  const stride = [Math.floor(padded[0] / level[0]), Math.floor(padded[1] / level[1])] as const;
  if (stride[0] >= 1 && stride[1] >= 1) return stride;
  throw new KdError(
    'USAGE',
    `Level ${index} of ${level.join(' x ')} cells is larger than the padded batch of ${padded.join(' x ')} pixels: ` +
      'give the size of the images that the levels were computed from.',
  );
}

function fillLevel(
  out: Float32Array,
  start: number,
  cell: readonly number[],
  [h, w]: Size,
  [strideY, strideX]: Size,
): number {
  let at = start;
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      for (let c = 0; c < cell.length; c += 4) {
        out[at++] = cell[c]! + x * strideX;
        out[at++] = cell[c + 1]! + y * strideY;
        out[at++] = cell[c + 2]! + x * strideX;
        out[at++] = cell[c + 3]! + y * strideY;
      }
    }
  }
  return at;
}

/**
 * Anchors of all levels, at the upper left corner of each cell (no half-pixel offset), nothing clipped or dropped at
 * the
 * border. Rows in the order level, y, x, cell anchor.
 * @param levels [height, width] in cells per level
 * @param paddedSize [height, width] of the padded batch in pixels
 * @throws KdError USAGE when the numbers of levels differ, or a level is larger than the batch
 */
export function anchorGrid(levels: readonly Size[], paddedSize: Size, options: AnchorOptions): Priors {
  const { sizes, ratios, strides } = options;
  for (const [name, list] of [
    ['sizes', sizes],
    ['ratios', ratios],
    ['strides', strides ?? levels],
  ] as const)
    checkLevels(`Anchor ${name}`, list, levels);
  return layPriors(levels, paddedSize, anchorCells(options));
}

/** The same before any batch. */
export const anchorCells = ({ sizes, ratios, round = true, strides }: AnchorOptions): PriorGrid => ({
  cells: sizes.map((own, i) => {
    const corners = cellAnchors(own, ratios[i]!, round);
    return Array.from(
      { length: corners.length / 4 },
      (_, c) => [...corners.subarray(4 * c, 4 * c + 4)] as unknown as PriorGrid['cells'][number][number],
    );
  }),
  strides: strides ?? null,
});

/**
 * The priors of a batch, one row for each cell's box of every cell: level, y, x, box.
 * @param levels [height, width] in cells per level
 * @param paddedSize [height, width] of the padded batch in pixels
 * @throws KdError USAGE when the numbers of levels differ, or a level is larger than the batch
 */
export function layPriors(levels: readonly Size[], paddedSize: Size, grid: PriorGrid): Priors {
  return priorLayer(grid)(levels, paddedSize);
}

/** {@link layPriors}, and the same again for the next batch of these sizes. */
export function priorLayer(grid: PriorGrid): (levels: readonly Size[], paddedSize: Size) => Priors {
  // Numbers, not tensors: one that is made while a step is compiled is good for nothing else.
  const laid = new Map<string, ReturnType<typeof layValues>>();
  return (levels, paddedSize) => {
    const key = JSON.stringify([levels, paddedSize]);
    let found = laid.get(key);
    if (found === undefined) {
      // Batches come in a few sizes; a run with very many must not grow without bound.
      if (laid.size >= 64) laid.clear();
      laid.set(key, (found = layValues(levels, paddedSize, grid)));
    }
    const { values, ...rest } = found;
    return { boxes: tf.tensor2d(values, [values.length / 4, 4]), ...rest };
  };
}

function layValues(
  levels: readonly Size[],
  paddedSize: Size,
  { cells, strides }: PriorGrid,
): Omit<Priors, 'boxes'> & { readonly values: Float32Array } {
  checkLevels('Priors', cells, levels);
  const used = levels.map((level, i) => strides?.[i] ?? strideOf(paddedSize, level, i));
  const perLevel = levels.map(([h, w], i) => h * w * cells[i]!.length);
  const total = perLevel.reduce((sum, n) => sum + n, 0);
  const values = new Float32Array(total * 4);
  let at = 0;
  levels.forEach((level, i) => {
    at = fillLevel(values, at, cells[i]!.flat(), level, used[i]!);
  });
  return { values, perLevel, strides: used };
}

function checkLevels(what: string, list: readonly unknown[], levels: readonly Size[]): void {
  if (list.length === levels.length) return;
  throw new KdError(
    'USAGE',
    `${what} are given for ${list.length} levels, but there are ${levels.length} levels: give one entry a level.`,
  );
}
