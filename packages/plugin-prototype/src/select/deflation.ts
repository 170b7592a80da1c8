import { closedForm } from './closed-form.js';
import { dot } from './dot.js';
import type { Vectors } from './row-tensors.js';
import { type SecondMoments, times, transposedTimes } from './second-moments.js';

/** What a pick with coefficients wt, ws [n] takes out, told by small vectors; wt and ws themselves never exist. */
export interface Deflation {
  /** rt' wt [dt] */
  readonly tt: Float64Array;
  /** rs' ws [ds] */
  readonly ss: Float64Array;
  /** rt' ws [dt] */
  readonly ts: Float64Array;
  /** rs' wt [ds] */
  readonly st: Float64Array;
  /** wt . wt, ws . ws, wt . ws */
  readonly wtt: number;
  readonly wss: number;
  readonly wts: number;
}

/** Of the pick (p, q) with the closed-form coefficients against the residuals that the moments stand for. */
export function deflationOf(moments: SecondMoments, { teacher: p, student: q }: Vectors, lambda: number): Deflation {
  const form = closedForm(dot(p, p), dot(q, q), lambda);
  const tp = times(moments.tt, p);
  const sq = times(moments.ss, q);
  const tq = times(moments.ts, q);
  const sp = transposedTimes(moments.ts, p);
  const P = dot(p, tp);
  const Q = dot(q, sq);
  const X = dot(p, tq);
  return {
    tt: tp.map((value, i) => form.tt * value + form.ts * tq[i]!),
    st: sp.map((value, i) => form.tt * value + form.ts * sq[i]!),
    ss: sq.map((value, i) => form.ss * value + form.st * sp[i]!),
    ts: tq.map((value, i) => form.ss * value + form.st * tp[i]!),
    wtt: form.tt ** 2 * P + 2 * form.tt * form.ts * X + form.ts ** 2 * Q,
    wss: form.ss ** 2 * Q + 2 * form.ss * form.st * X + form.st ** 2 * P,
    wts: form.tt * form.st * P + (form.tt * form.ss + form.ts * form.st) * X + form.ts * form.ss * Q,
  };
}

/** Moments of the residuals after the pick, in place. */
export function deflateMoments(moments: SecondMoments, { teacher: p, student: q }: Vectors, d: Deflation): void {
  rankOne(moments.tt, p, p, d.tt, d.tt, d.wtt);
  rankOne(moments.ss, q, q, d.ss, d.ss, d.wss);
  rankOne(moments.ts, p, q, d.ts, d.st, d.wts);
}

/** The product of two residuals after the pick, in place: m - p right' - left q' + w p q'. */
function rankOne(
  m: Float64Array,
  p: Float64Array,
  q: Float64Array,
  left: Float64Array,
  right: Float64Array,
  w: number,
): void {
  const columns = q.length;
  for (let i = 0, at = 0; i < p.length; i++) {
    const own = p[i]!;
    const other = left[i]! - w * own;
    for (let j = 0; j < columns; j++) m[at++]! -= own * right[j]! + other * q[j]!;
  }
}
