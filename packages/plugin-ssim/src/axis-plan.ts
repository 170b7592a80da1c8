import type { AxisMatrix } from './window.js';

/** Rows [0, a) or [b, out) of a banded matrix, over the columns that they use. */
export interface EdgeRows {
  readonly rows: number;
  readonly firstColumn: number;
  readonly columns: number;
  /** [rows, columns], row-major */
  readonly values: Float32Array;
}

/** Rows that are one window, shifted. */
export interface Correlation {
  readonly taps: Float32Array;
  /** The columns that it runs over: all of them, or those between the edges. */
  readonly firstColumn: number;
  readonly columns: number;
  /** Zeros to put before and after them. */
  readonly padding: readonly [number, number];
}

/**
 * A banded matrix as a correlation with one window for its equal rows, and small dense blocks for the rows near the
 * borders.
 */
export interface AxisPlan {
  readonly out: number;
  readonly top: EdgeRows | null;
  /** Null when too few rows are equal to be worth it: everything is in `top` then. */
  readonly middle: Correlation | null;
  readonly bottom: EdgeRows | null;
}

/** Below this many equal rows one dense product is as fast. */
const FEWEST_EQUAL_ROWS = 12;

const plans = new WeakMap<AxisMatrix, { readonly forward: AxisPlan; readonly adjoint: AxisPlan }>();

/** How a matrix and its transpose are applied. */
export function axisPlans(matrix: AxisMatrix): { readonly forward: AxisPlan; readonly adjoint: AxisPlan } {
  let known = plans.get(matrix);
  if (known === undefined) {
    known = { forward: planOf(matrix), adjoint: planOf(transposed(matrix)) };
    plans.set(matrix, known);
  }
  return known;
}

function transposed({ out, in: columns, values }: AxisMatrix): AxisMatrix {
  return { out: columns, in: out, values: values.map((_, i) => values[(i % out) * columns + Math.floor(i / out)]!) };
}

function planOf(matrix: AxisMatrix): AxisPlan {
  const { out } = matrix;
  const [a, b] = equalRows(matrix);
  if (b - a < FEWEST_EQUAL_ROWS) return { out, top: edge(matrix, 0, out), middle: null, bottom: null };
  const [first, last] = span(matrix, a);
  const taps = matrix.values.slice(a * matrix.in + first, a * matrix.in + last);
  const before = a - first;
  const after = out - b - (matrix.in - (b - a + first + taps.length - 1));
  if (isCut(matrix, taps, before) && after >= 0) {
    return {
      out,
      top: null,
      middle: { taps, firstColumn: 0, columns: matrix.in, padding: [before, after] },
      bottom: null,
    };
  }
  return {
    out,
    top: a > 0 ? edge(matrix, 0, a) : null,
    middle: { taps, firstColumn: first, columns: b - a + taps.length - 1, padding: [0, 0] },
    bottom: b < out ? edge(matrix, b, out) : null,
  };
}

/** Whether every row is the shifted window, cut off at the borders: the adjoint of `valid`. */
function isCut({ out, in: columns, values }: AxisMatrix, taps: Float32Array, before: number): boolean {
  for (let row = 0; row < out; row++) {
    for (let column = 0; column < columns; column++) {
      if (values[row * columns + column] !== (taps[column - row + before] ?? 0)) return false;
    }
  }
  return true;
}

/** The longest run [a, b) around the middle whose rows are the middle row, shifted. */
function equalRows(matrix: AxisMatrix): [number, number] {
  const { out, in: columns, values } = matrix;
  const middle = out >> 1;
  const [first, last] = span(matrix, middle);
  const same = (row: number): boolean => {
    const [from, to] = span(matrix, row);
    if (from !== first + row - middle || to !== last + row - middle) return false;
    for (let j = 0; j < last - first; j++)
      if (values[row * columns + from + j] !== values[middle * columns + first + j]) return false;
    return true;
  };
  let [a, b] = [middle, middle + 1];
  while (a > 0 && same(a - 1)) a--;
  while (b < out && same(b)) b++;
  return [a, b];
}

/** The columns [first, last) outside of which a row is 0. */
function span({ in: columns, values }: AxisMatrix, row: number): [number, number] {
  let first = 0;
  let last = columns;
  while (first < columns && values[row * columns + first] === 0) first++;
  while (last > first && values[row * columns + last - 1] === 0) last--;
  return [first, last];
}

function edge(matrix: AxisMatrix, from: number, to: number): EdgeRows {
  const spans = Array.from({ length: to - from }, (_, i) => span(matrix, from + i));
  const first = Math.min(...spans.map((one) => one[0]));
  const last = Math.max(...spans.map((one) => one[1]));
  const values = new Float32Array((to - from) * (last - first));
  for (let row = from; row < to; row++) {
    values.set(matrix.values.subarray(row * matrix.in + first, row * matrix.in + last), (row - from) * (last - first));
  }
  return { rows: to - from, firstColumn: first, columns: last - first, values };
}
