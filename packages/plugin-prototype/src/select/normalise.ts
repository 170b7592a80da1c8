import type { RowBlock } from './types.js';

/**
 * Of every row of a matrix: what it is multiplied by, and the squared norm that it then has (about 1 when normalised, 0
 * for zero rows).
 */
export interface Scaling {
  /** [rows] */
  readonly scales: Float32Array;
  /** [rows] */
  readonly squared: Float64Array;
}

export interface BlockScaling {
  readonly teacher: Scaling;
  readonly student: Scaling;
  /** Rows (of the block) with a value that is not finite in either space: scale and norm are 0 in both. */
  readonly broken: readonly number[];
}

/** Both matrices with every row scaled, zeros in broken rows. */
export interface NormalisedBlock {
  readonly teacher: { readonly values: Float32Array; readonly squared: Float64Array };
  readonly student: { readonly values: Float32Array; readonly squared: Float64Array };
  readonly broken: readonly number[];
}

const LEAST_NORM = 1e-12;

/** What divides every row of a block by its norm, in each space on its own; with `normalize` off the scales are 1. */
export function scalingOf(
  block: RowBlock,
  teacherChannels: number,
  studentChannels: number,
  normalize: boolean,
): BlockScaling {
  const teacher = scaled(block.teacher, teacherChannels, normalize);
  const student = scaled(block.student, studentChannels, normalize);
  const broken: number[] = [];
  for (let i = 0; i < teacher.squared.length; i++) {
    if (Number.isFinite(teacher.squared[i]) && Number.isFinite(student.squared[i])) continue;
    broken.push(i);
    for (const { scales, squared } of [teacher, student]) scales[i] = squared[i] = 0;
  }
  return { teacher, student, broken };
}

/** A copy of a block with its rows scaled. */
export function normaliseBlock(
  block: RowBlock,
  teacherChannels: number,
  studentChannels: number,
  normalize: boolean,
): NormalisedBlock {
  const { teacher, student, broken } = scalingOf(block, teacherChannels, studentChannels, normalize);
  return {
    teacher: { values: multiplied(block.teacher, teacherChannels, teacher.scales), squared: teacher.squared },
    student: { values: multiplied(block.student, studentChannels, student.scales), squared: student.squared },
    broken,
  };
}

/** A copy with zeros in the given rows: zero times what is not finite would not be zero. */
export function withoutRows(x: Float32Array, channels: number, rows: readonly number[]): Float32Array {
  const copy = x.slice();
  for (const row of rows) copy.fill(0, row * channels, (row + 1) * channels);
  return copy;
}

function multiplied(x: Float32Array, channels: number, scales: Float32Array): Float32Array {
  const out = new Float32Array(x.length);
  for (let i = 0, at = 0; i < scales.length; i++, at += channels) {
    const scale = scales[i]!;
    if (scale !== 0) for (let c = at; c < at + channels; c++) out[c] = x[c]! * scale;
  }
  return out;
}

function scaled(x: Float32Array, channels: number, normalize: boolean): Scaling {
  const rows = x.length / channels;
  const scales = new Float32Array(rows);
  const squared = new Float64Array(rows);
  for (let i = 0, at = 0; i < rows; i++, at += channels) {
    const sum = sumOfSquares(x, at, at + channels);
    const scale = normalize ? Math.fround(1 / Math.max(Math.sqrt(sum), LEAST_NORM)) : 1;
    scales[i] = scale;
    squared[i] = sum * scale * scale;
  }
  return { scales, squared };
}

/** Four sums at a time: one would wait for itself at every element. */
function sumOfSquares(x: Float32Array, from: number, to: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = from;
  for (; i + 3 < to; i += 4) {
    a += x[i]! * x[i]!;
    b += x[i + 1]! * x[i + 1]!;
    c += x[i + 2]! * x[i + 2]!;
    d += x[i + 3]! * x[i + 3]!;
  }
  for (; i < to; i++) a += x[i]! * x[i]!;
  return a + b + (c + d);
}
