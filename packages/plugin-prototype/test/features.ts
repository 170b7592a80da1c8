import '@tensorflow/tfjs-backend-cpu';
import { createRng } from '@kd/core';
import type { PairedFeatures, Selection, SelectOptions } from '../src/select/index.js';

/** n instances in a few modes, seen through two random projections of one latent. */
export function paired(n: number, dt = 12, ds = 9, seed = 1): PairedFeatures {
  const rng = createRng(seed, 'features');
  const normals = (size: number): number[] => Array.from({ length: size }, () => rng.normal());
  const [ofTeacher, ofStudent, modes] = [normals(5 * dt), normals(5 * ds), normals(3 * 5)];
  const teacher = new Float32Array(n * dt);
  const student = new Float32Array(n * ds);
  for (let i = 0; i < n; i++) {
    const mode = rng.int(0, 2);
    const z = normals(5).map((value, l) => (l === 0 ? 1.5 : 0) + modes[mode * 5 + l]! + 0.5 * value);
    for (let c = 0; c < dt; c++)
      teacher[i * dt + c] = z.reduce((sum, value, l) => sum + value * ofTeacher[l * dt + c]!, 0.2 * rng.normal());
    for (let c = 0; c < ds; c++)
      student[i * ds + c] = z.reduce((sum, value, l) => sum + value * ofStudent[l * ds + c]!, 0.3 * rng.normal());
  }
  return { teacher, student, teacherChannels: dt, studentChannels: ds };
}

export const rowsOf = (x: Float32Array, channels: number): number[][] =>
  Array.from({ length: x.length / channels }, (_, i) => [...x.subarray(i * channels, (i + 1) * channels)]);
export const inner = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0);
export const unit = (x: readonly number[]): number[] =>
  x.map((value) => value / Math.max(Math.sqrt(inner(x, x)), 1e-12));

/** The greedy loop, word by word: residuals of every instance, rebuilt for every candidate. */
export function literal(
  features: PairedFeatures,
  { count = 10, similarity: lambda = 10, normalize = true, allowRepeat = false }: SelectOptions,
): { rows: number[]; objective: number[] } {
  let rt = rowsOf(features.teacher, features.teacherChannels).map((row) => (normalize ? unit(row) : row));
  let rs = rowsOf(features.student, features.studentChannels).map((row) => (normalize ? unit(row) : row));
  const [t, s] = [rt, rs];
  const rows: number[] = [];
  const objective: number[] = [];
  while (rows.length < count) {
    let best = { error: Infinity, row: -1, rt, rs };
    for (let c = 0; c < t.length; c++) {
      if (!allowRepeat && rows.includes(c)) continue;
      const [p, q] = [t[c]!, s[c]!];
      const [nt, ns] = [inner(p, p), inner(q, q)];
      const determinant = nt * ns + lambda * (nt + ns);
      let error = 0;
      const next = { rt: [] as number[][], rs: [] as number[][] };
      for (let i = 0; i < t.length; i++) {
        const [a, b] = [inner(p, rt[i]!), inner(q, rs[i]!)];
        const wt = ((ns + lambda) * a + lambda * b) / determinant;
        const ws = ((nt + lambda) * b + lambda * a) / determinant;
        const left = rt[i]!.map((value, d) => value - wt * p[d]!);
        const right = rs[i]!.map((value, d) => value - ws * q[d]!);
        error += inner(left, left) + inner(right, right) + lambda * (wt - ws) ** 2;
        next.rt.push(left);
        next.rs.push(right);
      }
      if (error < best.error) best = { error, row: c, ...next };
    }
    rows.push(best.row);
    objective.push(best.error);
    ({ rt, rs } = best);
  }
  return { rows, objective };
}

export const finite = (selection: Selection): boolean =>
  [
    selection.gains,
    selection.objective,
    selection.totalObjective,
    selection.residualTeacher,
    selection.residualStudent,
    selection.similarity,
    [selection.initialEnergy],
  ].every((values) => [...values].every((value) => Number.isFinite(value)));

export const withRows = (
  features: PairedFeatures,
  change: (
    teacher: Float32Array,
    student: Float32Array,
    row: (i: number) => { t: Float32Array; s: Float32Array },
  ) => void,
): PairedFeatures => {
  const [teacher, student] = [features.teacher.slice(), features.student.slice()];
  const { teacherChannels: dt, studentChannels: ds } = features;
  change(teacher, student, (i) => ({
    t: teacher.subarray(i * dt, (i + 1) * dt),
    s: student.subarray(i * ds, (i + 1) * ds),
  }));
  return { ...features, teacher, student };
};
