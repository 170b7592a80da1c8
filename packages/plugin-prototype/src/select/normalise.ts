import type { RowBlock } from './types.js';

/** A matrix whose rows are divided by their norms, and what is known of every row. */
export interface Normalised {
  /** [rows, channels] */
  readonly values: Float32Array;
  /** [rows] squared norm of the row in `values`: about 1 when normalised, 0 for zero rows. */
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
  const values = new Float32Array(x.length);
  const squared = new Float64Array(rows);
  for (let i = 0, at = 0; i < rows; i++, at += channels) {
    let scale = 1;
    if (normalize) {
      let sum = 0;
      for (let c = at; c < at + channels; c++) sum += x[c]! * x[c]!;
      scale = 1 / Math.max(Math.sqrt(sum), LEAST_NORM);
    }
    let sum = 0;
    for (let c = at; c < at + channels; c++) {
      // What is stored is what counts: norms are those of the rounded row.
      const value = Math.fround(x[c]! * scale);
      values[c] = value;
      sum += value * value;
    }
    squared[i] = sum;
  }
  return { values, squared };
}
