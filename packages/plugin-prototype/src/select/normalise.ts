import type { RowBlock } from './types.js';

/** A matrix whose rows are divided by their norms, and what is known of every row. */
export interface Normalised {
  /** [rows, channels] */
  readonly values: Float32Array;
  /** [rows] squared norm of the row: 1 when normalised, 0 for zero rows. */
  readonly squared: Float64Array;
}

export interface NormalisedBlock {
  readonly teacher: Normalised;
  readonly student: Normalised;
  /** Rows (of the block) with a value that is not finite in either space; both spaces hold zeros there. */
  readonly broken: readonly number[];
}

const LEAST_NORM = 1e-12;

/** Copies a block, each row divided by its norm (in each space on its own) when `normalize` is set. */
export function normaliseBlock(block: RowBlock, teacherChannels: number, studentChannels: number, normalize: boolean): NormalisedBlock {
  const teacher = normaliseRows(block.teacher, teacherChannels, normalize);
  const student = normaliseRows(block.student, studentChannels, normalize);
  const broken: number[] = [];
  for (let i = 0; i < teacher.squared.length; i++) {
    if (Number.isFinite(teacher.squared[i]) && Number.isFinite(student.squared[i])) continue;
    broken.push(i);
    for (const [space, channels] of [[teacher, teacherChannels], [student, studentChannels]] as const) {
      space.values.fill(0, i * channels, (i + 1) * channels);
      space.squared[i] = 0;
    }
  }
  return { teacher, student, broken };
}

function normaliseRows(x: Float32Array, channels: number, normalize: boolean): Normalised {
  const rows = x.length / channels;
  const values = new Float32Array(x);
  const squared = new Float64Array(rows);
  for (let i = 0, at = 0; i < rows; i++, at += channels) {
    const sum = sumOfSquares(x, at, at + channels);
    const scale = normalize ? 1 / Math.max(Math.sqrt(sum), LEAST_NORM) : 1;
    if (normalize) for (let c = at; c < at + channels; c++) values[c] = x[c]! * scale;
    squared[i] = sum * scale * scale;
  }
  return { values, squared };
}

/** Four sums at a time: one would wait for itself at every element. */
function sumOfSquares(x: Float32Array, from: number, to: number): number {
  let [a, b, c, d] = [0, 0, 0, 0];
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
