import * as tf from '@tensorflow/tfjs-core';
import type { Deflation } from './deflation.js';
import { fullProduct } from './product.js';
import type { Rows, Vectors } from './row-tensors.js';
import type { SecondMoments } from './second-moments.js';

/**
 * p' Mtt p, q' Mss q and p' Mts q of every candidate, all [candidates]: float32 products, so good to about 1e-7 of the
 * energy at the time.
 */
export interface CandidateForms {
  readonly tt: Float64Array;
  readonly ss: Float64Array;
  readonly ts: Float64Array;
}

/** From the moments: one pass of matrix products. */
export async function formsFromMoments(
  rows: Rows,
  candidates: number,
  moments: SecondMoments,
): Promise<CandidateForms> {
  const forms = {
    tt: new Float64Array(candidates),
    ss: new Float64Array(candidates),
    ts: new Float64Array(candidates),
  };
  const matrix = (values: Float64Array, side: number): tf.Tensor2D =>
    tf.tensor2d(Float32Array.from(values), [side, values.length / side]);
  const [tt, ss, ts] = [matrix(moments.tt, moments.dt), matrix(moments.ss, moments.ds), matrix(moments.ts, moments.dt)];
  try {
    const product = await fullProduct();
    await rows.each(async ({ from, teacher, student }) => {
      const form = (left: tf.Tensor2D, m: tf.Tensor2D, right: tf.Tensor2D): tf.Tensor1D =>
        tf.tidy(() => tf.sum(tf.mul(product(left, m), right), 1));
      await into(forms.tt, from, form(teacher, tt, teacher));
      await into(forms.ss, from, form(student, ss, student));
      await into(forms.ts, from, form(teacher, ts, student));
    });
  } finally {
    tf.dispose([tt, ss, ts]);
  }
  return forms;
}

/** Inner products of every candidate with the pick, [candidates] each. */
export interface PickProducts {
  readonly teacher: Float64Array;
  readonly student: Float64Array;
}

/** Takes a pick out of the forms: one pass of thin products instead of another one with the moments. */
export async function deflateForms(
  rows: Rows,
  forms: CandidateForms,
  pick: Vectors,
  { tt, ss, ts, st, wtt, wss, wts }: Deflation,
): Promise<PickProducts> {
  const g = new Float64Array(forms.tt.length);
  const h = new Float64Array(forms.tt.length);
  const ofTeacher = columns(pick.teacher, tt, ts);
  const ofStudent = columns(pick.student, ss, st);
  try {
    const product = await fullProduct();
    await rows.each(async (block) => {
      const [inTeacher, inStudent] = tf.tidy(() => [
        product(block.teacher, ofTeacher),
        product(block.student, ofStudent),
      ]) as [tf.Tensor2D, tf.Tensor2D];
      const [t, s] = [await inTeacher.data(), await inStudent.data()];
      tf.dispose([inTeacher, inStudent]);
      for (let i = 0, at = 0; i < block.rows; i++, at += 3) {
        const c = block.from + i;
        const p = t[at]!;
        const q = s[at]!;
        g[c] = p;
        h[c] = q;
        forms.tt[c]! += wtt * p * p - 2 * p * t[at + 1]!;
        forms.ss[c]! += wss * q * q - 2 * q * s[at + 1]!;
        forms.ts[c]! += wts * p * q - t[at + 2]! * q - p * s[at + 2]!;
      }
    });
  } finally {
    tf.dispose([ofTeacher, ofStudent]);
  }
  return { teacher: g, student: h };
}

/** The vectors as columns, [length, vectors]. */
function columns(...vectors: readonly Float64Array[]): tf.Tensor2D {
  const values = new Float32Array(vectors.length * vectors[0]!.length);
  for (const [j, vector] of vectors.entries()) {
    for (let i = 0, at = j; i < vector.length; i++, at += vectors.length) values[at] = vector[i]!;
  }
  return tf.tensor2d(values, [vectors[0]!.length, vectors.length]);
}

async function into(target: Float64Array, from: number, values: tf.Tensor1D): Promise<void> {
  target.set(await values.data(), from);
  values.dispose();
}
