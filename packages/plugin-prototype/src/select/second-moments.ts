import * as tf from '@tensorflow/tfjs-core';
import { dot, dotAt } from './dot.js';
import { fullProduct } from './product.js';
import type { Rows, Vectors } from './row-tensors.js';

/** Of the residuals rt [n, dt] and rs [n, ds], in float64. */
export interface SecondMoments {
  readonly dt: number;
  readonly ds: number;
  /** rt' rt [dt, dt] */
  readonly tt: Float64Array;
  /** rs' rs [ds, ds] */
  readonly ss: Float64Array;
  /** rt' rs [dt, ds] */
  readonly ts: Float64Array;
}

/** So many rows are added up in float32: more would cost digits. */
const SUMMED_ROWS = 8192;

/** One pass: products of parts of the blocks in float32, their sum in float64. */
export async function secondMoments(rows: Rows): Promise<SecondMoments> {
  const { teacherChannels: dt, studentChannels: ds } = rows;
  const moments: SecondMoments = {
    dt,
    ds,
    tt: new Float64Array(dt * dt),
    ss: new Float64Array(ds * ds),
    ts: new Float64Array(dt * ds),
  };
  const product = await fullProduct();
  await rows.each(async (block) => {
    for (let from = 0; from < block.rows; from += SUMMED_ROWS) {
      const [tt, ss, ts] = tf.tidy(() => {
        const part = (x: tf.Tensor2D): tf.Tensor2D =>
          block.rows <= SUMMED_ROWS ? x : tf.slice(x, [from, 0], [Math.min(SUMMED_ROWS, block.rows - from), -1]);
        const [teacher, student] = [part(block.teacher), part(block.student)];
        return [product(teacher, teacher, true), product(student, student, true), product(teacher, student, true)];
      }) as [tf.Tensor, tf.Tensor, tf.Tensor];
      await addTo(moments.tt, tt);
      await addTo(moments.ss, ss);
      await addTo(moments.ts, ts);
    }
  });
  return moments;
}

async function addTo(total: Float64Array, part: tf.Tensor): Promise<void> {
  const values = await part.data();
  part.dispose();
  for (let i = 0; i < total.length; i++) total[i]! += values[i]!;
}

/** Sum of the diagonal; a residual energy is never below 0. */
export function trace(matrix: Float64Array, side: number): number {
  let sum = 0;
  for (let i = 0; i < side; i++) sum += matrix[i * side + i]!;
  return Math.max(0, sum);
}

/** matrix v, of a row-major [rows, v.length] matrix. */
export function times(matrix: Float64Array, v: Float64Array): Float64Array {
  const out = new Float64Array(matrix.length / v.length);
  for (let i = 0; i < out.length; i++) out[i] = dotAt(matrix, i * v.length, v);
  return out;
}

/** matrix' v, of a row-major [v.length, columns] matrix. */
export function transposedTimes(matrix: Float64Array, v: Float64Array): Float64Array {
  const columns = matrix.length / v.length;
  const out = new Float64Array(columns);
  for (let i = 0, at = 0; i < v.length; i++) {
    const factor = v[i]!;
    for (let j = 0; j < columns; j++) out[j]! += matrix[at++]! * factor;
  }
  return out;
}

/** p' Mtt p, q' Mss q, p' Mts q of one candidate. */
export interface Forms {
  readonly tt: number;
  readonly ss: number;
  readonly ts: number;
}

export const formsOf = ({ tt, ss, ts }: SecondMoments, { teacher, student }: Vectors): Forms => ({
  tt: dot(teacher, times(tt, teacher)),
  ss: dot(student, times(ss, student)),
  ts: dot(teacher, times(ts, student)),
});
