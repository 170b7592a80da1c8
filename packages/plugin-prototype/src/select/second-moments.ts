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
/**
 * Of these, so many in one product. Graphics cards add them up one by one, and 8192 small ones to a large sum are 3e-7
 * off, all the same way; in pieces 6e-9.
 */
const PRODUCT_ROWS = 512;

/** One pass: products of pieces of the blocks in float32, sums of them in float32, and of those in float64. */
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
      const end = Math.min(from + SUMMED_ROWS, block.rows);
      const [tt, ss, ts] = tf.tidy(() => {
        const [teacher, student] = [pieces(block.teacher, from, end), pieces(block.student, from, end)];
        const summed = (a: tf.Tensor2D[], b: tf.Tensor2D[]): tf.Tensor =>
          tf.addN(a.map((piece, i) => product(piece, b[i]!, true)));
        return [summed(teacher, teacher), summed(student, student), summed(teacher, student)];
      }) as [tf.Tensor, tf.Tensor, tf.Tensor];
      await addTo(moments.tt, tt);
      await addTo(moments.ss, ss);
      await addTo(moments.ts, ts);
    }
  });
  return moments;
}

function pieces(x: tf.Tensor2D, from: number, end: number): tf.Tensor2D[] {
  if (x.shape[0] <= PRODUCT_ROWS) return [x];
  return Array.from({ length: Math.ceil((end - from) / PRODUCT_ROWS) }, (_, i) => {
    const start = from + i * PRODUCT_ROWS;
    return tf.slice(x, [start, 0], [Math.min(PRODUCT_ROWS, end - start), -1]);
  });
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
