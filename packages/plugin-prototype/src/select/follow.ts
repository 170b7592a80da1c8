import { closedForm, removedEnergy } from './closed-form.js';
import { dotAt } from './dot.js';
import { rowsOf } from './in-memory.js';
import { normaliseBlock } from './normalise.js';
import type { SelectSettings } from './settings.js';
import type { PairedFeatures } from './types.js';

/** The pursuit along given prototypes, instance by instance, in float64. */
export interface Followed {
  /** [k, n] closed-form coefficients. */
  readonly teacher: Float64Array;
  readonly student: Float64Array;
  /** [k, n] energy of the instance that the prototype removes, in both spaces, less lambda (wt - ws)^2. */
  readonly removed: Float64Array;
  /** [n] energy of the instance in both spaces before the first prototype. */
  readonly energy: Float64Array;
  /** [k, n] inner products of prototype and instance before the first prototype, both spaces together. */
  readonly inner: Float64Array;
  /** [k] sums over the instances after each prototype. */
  readonly residualTeacher: Float64Array;
  readonly residualStudent: Float64Array;
  /** [n] squared norms. */
  readonly squared: { readonly teacher: Float64Array; readonly student: Float64Array };
  readonly dropped: readonly number[];
}

/**
 * Describes every instance by the prototypes `picks`, in this order, without refitting: what the greedy selection does
 * for the prototypes
 * that it chooses. Inner products alone are needed: of an instance with the prototypes, and of these among themselves.
 */
export function follow(
  features: PairedFeatures,
  picks: ArrayLike<number>,
  { similarity: lambda, normalize }: Pick<SelectSettings, 'similarity' | 'normalize'>,
): Followed {
  const n = rowsOf(features);
  const k = picks.length;
  const {
    teacher: t,
    student: s,
    broken,
  } = normaliseBlock(features, features.teacherChannels, features.studentChannels, normalize);
  const prototypes = Array.from(picks, (row) => ({
    t: rowAt(t.values, row, features.teacherChannels),
    s: rowAt(s.values, row, features.studentChannels),
  }));
  const among = prototypes.map(({ t: p, s: q }) =>
    prototypes.map((other) => ({ t: dotAt(p, 0, other.t), s: dotAt(q, 0, other.s) })),
  );
  const forms = among.map((row, i) => closedForm(row[i]!.t, row[i]!.s, lambda));
  const out: Followed = {
    teacher: new Float64Array(k * n),
    student: new Float64Array(k * n),
    removed: new Float64Array(k * n),
    energy: new Float64Array(n),
    inner: new Float64Array(k * n),
    residualTeacher: new Float64Array(k),
    residualStudent: new Float64Array(k),
    squared: { teacher: t.squared, student: s.squared },
    dropped: broken,
  };
  for (let i = 0; i < n; i++) {
    let inTeacher = t.squared[i]!;
    let inStudent = s.squared[i]!;
    out.energy[i] = inTeacher + inStudent;
    for (let j = 0; j < k; j++) {
      let a = dotAt(t.values, i * features.teacherChannels, prototypes[j]!.t);
      let b = dotAt(s.values, i * features.studentChannels, prototypes[j]!.s);
      out.inner[j * n + i] = a + b;
      for (let before = 0; before < j; before++) {
        a -= out.teacher[before * n + i]! * among[before]![j]!.t;
        b -= out.student[before * n + i]! * among[before]![j]!.s;
      }
      const form = forms[j]!;
      const [nt, ns] = [among[j]![j]!.t, among[j]![j]!.s];
      const wt = form.tt * a + form.ts * b;
      const ws = form.ss * b + form.st * a;
      out.teacher[j * n + i] = wt;
      out.student[j * n + i] = ws;
      out.removed[j * n + i] = removedEnergy(nt, ns, lambda, a * a, b * b, a * b);
      inTeacher = Math.max(0, inTeacher - 2 * wt * a + wt * wt * nt);
      inStudent = Math.max(0, inStudent - 2 * ws * b + ws * ws * ns);
      out.residualTeacher[j]! += inTeacher;
      out.residualStudent[j]! += inStudent;
    }
  }
  return out;
}

const rowAt = (values: Float32Array, row: number, channels: number): Float64Array =>
  Float64Array.from(values.subarray(row * channels, (row + 1) * channels));
