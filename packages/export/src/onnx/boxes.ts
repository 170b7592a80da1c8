import type { BoxCode, PriorGrid } from '@kd/core';
import type { OnnxBuilder } from './builder.js';
import type { OnnxMap } from './network.js';

/** Four sides or codes as columns [b, n, 1] each. */
type Columns = readonly [string, string, string, string];

export interface LevelPriors {
  /** [b, n, 4] */
  readonly boxes: string;
  /** Of the level in x, a scalar. */
  readonly stride: string;
}

/**
 * The boxes of priors of one level, computed as they are laid: from the row and column of a prior's cell.
 * @param rows [b, n] int64, indices of priors within the level
 * @param map a map of this level, for its size
 * @param images what the network reads, for the size that strides follow from
 */
export function priorBoxes(
  b: OnnxBuilder,
  rows: string,
  { cells, strides }: PriorGrid,
  level: number,
  map: OnnxMap,
  images: OnnxMap,
): LevelPriors {
  const own = cells[level]!;
  const count = b.ints([own.length], []);
  const [cell, place] = [b.node('Mod', [rows, count]), b.node('Div', [rows, count])];
  const width = sideOf(b, map, 1);
  const [y, x] = [b.node('Div', [place, width]), b.node('Mod', [place, width])];
  const strideOf = (axis: 0 | 1): string => {
    const fixed =
      strides?.[level]?.[axis] ?? (map.size && images.size && Math.floor(images.size[axis] / map.size[axis]));
    if (fixed !== null) return b.floats([fixed], []);
    return float(b, b.node('Div', [sideOf(b, images, axis), sideOf(b, map, axis)]));
  };
  const stride = { y: strideOf(0), x: strideOf(1) };
  const down = column(b, b.node('Mul', [float(b, y), stride.y]));
  const across = column(b, b.node('Mul', [float(b, x), stride.x]));
  const corners = b.node('Gather', [b.floats(own.flat(), [own.length, 4]), cell], { axis: 0 });
  const shift = b.node('Concat', [across, down, across, down], { axis: -1 });
  return { boxes: b.node('Add', [corners, shift]), stride: stride.x };
}

/** Boxes [b, n, 4] from codes [b, n, 4], or [b, n, 4·bins], of priors [b, n, 4]. */
export function decodedBoxes(b: OnnxBuilder, code: BoxCode, codes: string, { boxes, stride }: LevelPriors): string {
  if (code.code === 'delta') return deltaBoxes(b, code, codes, boxes);
  const [x1, y1, x2, y2] = columns(b, boxes);
  const half = b.floats([0.5], []);
  const [cx, cy] = [b.node('Mul', [b.node('Add', [x1, x2]), half]), b.node('Mul', [b.node('Add', [y1, y2]), half])];
  const [left, top, right, bottom] = columns(b, distances());
  return b.node(
    'Concat',
    [b.node('Sub', [cx, left]), b.node('Sub', [cy, top]), b.node('Add', [cx, right]), b.node('Add', [cy, bottom])],
    { axis: -1 },
  );

  function distances(): string {
    if (code.code === 'distribution') return b.node('Mul', [integral(b, codes, code.bins), stride]);
    if (code.code === 'delta' || code.unit === 'pixels') return codes;
    const [width, height] = [b.node('Sub', [x2, x1]), b.node('Sub', [y2, y1])];
    return b.node('Mul', [codes, b.node('Concat', [width, height, width, height], { axis: -1 })]);
  }
}

/** Boxes from codes [b, n, 4] relative to boxes that have, or take on, this shape. */
export function deltaBoxes(
  b: OnnxBuilder,
  { weights, clip, clipBelow }: BoxCode & { readonly code: 'delta' },
  codes: string,
  boxes: string,
): string {
  const [x1, y1, x2, y2] = columns(b, boxes);
  const sizes = [b.node('Sub', [x2, x1]), b.node('Sub', [y2, y1])] as const;
  const raw = columns(b, codes).map((one, i) =>
    weights[i] === 1 ? one : b.node('Div', [one, b.floats([weights[i]!], [])]),
  ) as unknown as Columns;
  const half = b.floats([0.5], []);
  const limits = [clipBelow === undefined ? '' : b.floats([clipBelow], []), b.floats([clip], [])];
  const sides = [x1, y1].map((low, axis) => {
    const size = sizes[axis]!;
    const middle = b.node('Add', [low, b.node('Mul', [size, half])]);
    const centre = b.node('Add', [b.node('Mul', [raw[axis]!, size]), middle]);
    const ratio = b.node('Exp', [b.node('Clip', [raw[axis + 2]!, ...limits])]);
    const reach = b.node('Mul', [b.node('Mul', [ratio, size]), half]);
    return [b.node('Sub', [centre, reach]), b.node('Add', [centre, reach])] as const;
  });
  return b.node('Concat', [sides[0]![0], sides[1]![0], sides[0]![1], sides[1]![1]], { axis: -1 });
}

/** Means of distributions over 0 … bins - 1: [b, n, 4·bins] to [b, n, 4] */
function integral(b: OnnxBuilder, codes: string, bins: number): string {
  const sides = b.node('Reshape', [codes, b.ints([0, 0, 4, bins])]);
  const places = b.floats(
    Array.from({ length: bins }, (_, i) => i),
    [bins, 1],
  );
  const means = b.node('MatMul', [b.node('Softmax', [sides], { axis: -1 }), places]); // [b, n, 4, 1]
  return b.node('Squeeze', [means, b.ints([3])]);
}

/** Rows of `table` [b, m, …] at indices [b, n]. */
export const rowsAt = (b: OnnxBuilder, table: string, indices: string): string =>
  b.node('GatherND', [table, b.node('Unsqueeze', [indices, b.ints([2])])], { batch_dims: 1 });

/** Height (axis 0) or width (axis 1) of a map, int64 scalar. */
export function sideOf(b: OnnxBuilder, map: OnnxMap, axis: 0 | 1): string {
  if (map.size) return b.ints([map.size[axis]], []);
  return b.node('Gather', [b.node('Shape', [map.name]), b.ints([axis + 2], [])]);
}

export const float = (b: OnnxBuilder, whole: string): string => b.node('Cast', [whole], { to: 1 });

const column = (b: OnnxBuilder, vector: string): string => b.node('Unsqueeze', [vector, b.ints([2])]);

export const columns = (b: OnnxBuilder, boxes: string): Columns =>
  b.many('Split', [boxes, b.ints([1, 1, 1, 1])], 4, { axis: -1 }) as unknown as Columns;
