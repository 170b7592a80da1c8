import '@tensorflow/tfjs-backend-cpu';
import { createRng } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  buildLevel,
  densitiesOf,
  explain,
  type PairedFeatures,
  selectDbscan,
  selectKMeans,
  type Selection,
  type SelectOptions,
  selectPursuit,
  selectRandom,
  selectStreamed,
  type Selector,
} from './index.js';
import { follow } from './follow.js';
import { inMemory } from './in-memory.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** n instances in a few modes, seen through two random projections of one latent. */
function paired(n: number, dt = 12, ds = 9, seed = 1): PairedFeatures {
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

const rowsOf = (x: Float32Array, channels: number): number[][] =>
  Array.from({ length: x.length / channels }, (_, i) => [...x.subarray(i * channels, (i + 1) * channels)]);
const inner = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const unit = (x: readonly number[]): number[] => x.map((value) => value / Math.max(Math.sqrt(inner(x, x)), 1e-12));

/** The greedy loop, word by word: residuals of every instance, rebuilt for every candidate. */
function literal(
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

const finite = (selection: Selection): boolean =>
  [
    selection.gains,
    selection.objective,
    selection.totalObjective,
    selection.residualTeacher,
    selection.residualStudent,
    selection.similarity,
    [selection.initialEnergy],
  ].every((values) => [...values].every((value) => Number.isFinite(value)));

const withRows = (
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

describe('pursuit', () => {
  it.each<[string, SelectOptions]>([
    ['the defaults', {}],
    ['lambda 0', { similarity: 0 }],
    ['lambda 100', { similarity: 100 }],
    ['features as they are', { normalize: false }],
    ['repeats', { allowRepeat: true, count: 25 }],
  ])('chooses what the literal loop chooses: %s', async (_, options) => {
    const features = paired(70);
    const expected = literal(features, { count: 8, ...options });
    const selection = await selectPursuit(features, { candidates: 'all', count: 8, ...options });
    expect([...selection.rows]).toEqual(expected.rows);
    const most = Math.max(...Array.from(selection.objective, (value, k) => Math.abs(value - expected.objective[k]!)));
    expect(most / selection.initialEnergy).toBeLessThan(1e-7);
    // Something to repeat, so that the case means what it says.
    if (options.allowRepeat) expect(new Set(selection.rows).size).toBeLessThan(selection.rows.length);
  });

  it('leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    await selectPursuit(paired(50), { count: 4 });
    await selectPursuit(paired(50), { count: 4, normalize: false });
    await expect(selectPursuit(paired(50), { signal: AbortSignal.abort() })).rejects.toThrow();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('does the same in small blocks that are read anew in every pass', async () => {
    const features = paired(230);
    for (const candidates of ['all', 'density'] as const) {
      const whole = await selectPursuit(features, { candidates });
      const passes = { read: 0 };
      const source = inMemory(features);
      // The caller's buffers are reused, as a reader of files would.
      const buffer = { teacher: new Float32Array(64 * 12), student: new Float32Array(64 * 9) };
      const blocks = await selectStreamed(
        {
          ...source,
          read: async (from, to) => {
            const block = await source.read(from, to);
            passes.read++;
            buffer.teacher.fill(NaN).set(block.teacher);
            buffer.student.fill(NaN).set(block.student);
            return {
              teacher: buffer.teacher.subarray(0, block.teacher.length),
              student: buffer.student.subarray(0, block.student.length),
            };
          },
        },
        { candidates },
        { blockRows: 64, cacheBytes: 0 },
      );
      expect([...blocks.rows]).toEqual([...whole.rows]);
      expect([...blocks.candidates]).toEqual([...whole.candidates]);
      expect(
        Math.max(...blocks.objective.map((value, k) => Math.abs(value - whole.objective[k]!))) / whole.initialEnergy,
      ).toBeLessThan(1e-7);
      // 4 blocks: moments, forms, and 9 picks; 2 passes for the filter.
      expect(passes.read).toBeGreaterThanOrEqual(4 * (candidates === 'all' ? 11 : 13));
    }
  });

  it('tells one error for what does not fit', async () => {
    const features = paired(10);
    await expect(selectPursuit({ ...features, teacher: features.teacher.subarray(1) })).rejects.toThrow(
      'no rows of 12 channels',
    );
    await expect(selectPursuit({ ...features, teacher: features.teacher.subarray(12) })).rejects.toThrow(
      '9 rows of teacher features and 10 of student features',
    );
    await expect(selectPursuit(features, { count: 0 })).rejects.toThrow(
      'Option "count" of the selection of prototypes is 0',
    );
    await expect(selectPursuit(features, { similarity: NaN })).rejects.toThrow('"similarity"');
    await expect(buildLevel({ ...features, labels: new Int32Array(10).fill(2) }, { classes: 2 })).rejects.toThrow(
      'Instance 0 has the label 2; labels go from 0 to 1.',
    );
  });
});

const selectors: readonly [string, Selector][] = [
  ['pursuit', selectPursuit],
  ['K-Means', selectKMeans()],
  ['K-Means of the teacher', selectKMeans({ space: 'teacher' })],
  ['DBSCAN', selectDbscan({ minimumPoints: 3 })],
  ['random', selectRandom],
];

describe.each(selectors)('edges: %s', (name, select) => {
  const isPursuit = name === 'pursuit';

  it('chooses distinct rows with finite energies that never rise above the start', async () => {
    const selection = await select(paired(60), { count: 6 });
    expect(selection.rows.length).toBeGreaterThan(0);
    expect(selection.rows.length).toBeLessThanOrEqual(6);
    expect(new Set(selection.rows).size).toBe(selection.rows.length);
    expect(finite(selection)).toBe(true);
    expect(selection.initialEnergy).toBeCloseTo(120, 4);
    // What a pick removes is told by the gain, whoever chose it.
    const { removed } = energies(paired(60), selection);
    for (const [k, gain] of selection.gains.entries()) expect(gain).toBeCloseTo(removed[k]!, 4);
  });

  it('depends on the seed alone', async () => {
    const [a, b] = [await select(paired(60), { seed: 3 }), await select(paired(60), { seed: 3 })];
    expect([...a.rows]).toEqual([...b.rows]);
  });

  it('no instance, one, and fewer than K', async () => {
    const none = await select(paired(0));
    expect([none.rows.length, none.initialEnergy, none.stopped]).toEqual([0, 0, 'exhausted']);
    if (name !== 'DBSCAN') {
      expect([...(await select(paired(1))).rows]).toEqual([0]);
      const few = await select(paired(4));
      expect(few.rows.length).toBe(4);
      expect(new Set(few.rows).size).toBe(4);
      expect(finite(few)).toBe(true);
    }
  });

  it('rows of zeros and rows that are not finite are never chosen, and the latter are counted', async () => {
    const features = withRows(paired(40), (_t, _s, row) => {
      row(0).t.fill(0);
      row(1).s.fill(0);
      row(2).t[3] = NaN;
      row(3).s[0] = -Infinity;
      row(4).t.fill(0);
      row(4).s.fill(0);
    });
    const selection = await select(features, { count: 40 });
    expect([...selection.dropped]).toEqual([2, 3]);
    for (const row of [0, 1, 2, 3, 4]) expect([...selection.rows]).not.toContain(row);
    expect(finite(selection)).toBe(true);
    // 38 finite rows, of which one is zero in both spaces and two are zero in one.
    expect(selection.initialEnergy).toBeCloseTo(2 * 38 - 4, 4);
    if (isPursuit) expect(selection.filterIgnored).toBe(true);
  });

  it('nothing but zeros, nothing but NaN', async () => {
    for (const value of [0, NaN]) {
      const selection = await select(withRows(paired(5), (t, s) => void [t.fill(value), s.fill(value)]));
      expect(selection.rows.length).toBe(0);
      expect(finite(selection)).toBe(true);
      expect(selection.dropped.length).toBe(value === 0 ? 0 : 5);
    }
  });
});

/** Sums over the instances of what each prototype removes. */
function energies(features: PairedFeatures, selection: Selection): { removed: number[] } {
  const n = features.teacher.length / features.teacherChannels;
  const { teacher, student } = explain(features, selection.rows);
  let rt = rowsOf(features.teacher, features.teacherChannels).map(unit);
  let rs = rowsOf(features.student, features.studentChannels).map(unit);
  const [t, s] = [rt, rs];
  const energy = (): number => [...rt, ...rs].reduce((sum, row) => sum + inner(row, row), 0);
  const removed = Array.from(selection.rows, (pick, k) => {
    const before = energy();
    rt = rt.map((row, i) => row.map((value, d) => value - teacher[k * n + i]! * t[pick]![d]!));
    rs = rs.map((row, i) => row.map((value, d) => value - student[k * n + i]! * s[pick]![d]!));
    let alike = 0;
    for (let i = 0; i < n; i++) alike += 10 * (teacher[k * n + i]! - student[k * n + i]!) ** 2;
    return before - energy() - alike;
  });
  return { removed };
}

describe('twins and rank', () => {
  it('of copies the lowest row is chosen, and the others retire with it', async () => {
    const features = withRows(paired(30), (_t, _s, row) => {
      for (let i = 15; i < 30; i++) {
        // Longer or shorter copies: direction counts.
        row(i).t.set(row(i - 15).t.map((value) => value * 3));
        row(i).s.set(row(i - 15).s.map((value) => value * 0.5));
      }
    });
    const selection = await selectPursuit(features, { candidates: 'all', count: 30, stopTolerance: 0 });
    expect(selection.rows.every((row) => row < 15)).toBe(true);
    expect(new Set(selection.rows).size).toBe(selection.rows.length);
    expect(selection.stopped).not.toBe('count');
  });

  it('equal instances make one prototype', async () => {
    const one = paired(1);
    const features = {
      ...one,
      teacher: Float32Array.from({ length: 20 * 12 }, (_, i) => one.teacher[i % 12]!),
      student: Float32Array.from({ length: 20 * 9 }, (_, i) => one.student[i % 9]!),
    };
    for (const candidates of ['all', 'density'] as const) {
      const selection = await selectPursuit(features, { candidates });
      expect([...selection.rows]).toEqual([0]);
      expect(selection.objective[0]! / selection.initialEnergy).toBeLessThan(1e-6);
      expect(selection.filterIgnored).toBe(candidates === 'density');
    }
  });

  it('features of low rank stop when nothing is left, without a NaN', async () => {
    // Two directions in each space.
    const rng = createRng(5);
    const features = {
      teacher: new Float32Array(80 * 12),
      student: new Float32Array(80 * 9),
      teacherChannels: 12,
      studentChannels: 9,
    };
    for (let i = 0; i < 80; i++) {
      const [a, b] = [rng.normal(), rng.normal()];
      for (let c = 0; c < 12; c++) features.teacher[i * 12 + c] = c % 2 === 0 ? a : b;
      for (let c = 0; c < 9; c++) features.student[i * 9 + c] = c % 2 === 0 ? b : a;
    }
    const selection = await selectPursuit(features, { candidates: 'all', count: 60 });
    expect(finite(selection)).toBe(true);
    expect(selection.stopped).toBe('gain');
    const last = selection.rows.length - 1;
    expect(
      (selection.residualTeacher[last]! + selection.residualStudent[last]!) / selection.initialEnergy,
    ).toBeLessThan(1e-4);
    expect([...selection.gains].every((gain) => gain > 1e-6 * selection.initialEnergy)).toBe(true);
  });
});

describe('density', () => {
  it('is the sum over all instances, and its estimate by some of them ranks them much alike', async () => {
    const features = paired(600);
    const t = rowsOf(features.teacher, 12).map(unit);
    const exact = await densitiesOf(features);
    const direct = t.map((row) => t.reduce((sum, other) => sum + Math.exp(-(((1 - inner(row, other)) / 0.1) ** 2)), 0));
    expect(Math.max(...direct.map((value, i) => Math.abs(value - exact.teacher[i]!) / value))).toBeLessThan(1e-4);

    const some = await densitiesOf(features, { density: { exactRows: 100, references: 300 } });
    const error = direct.map((value, i) => some.teacher[i]! / value - 1);
    // Without a bias between rows that are references and those that are not.
    expect(Math.abs(error.reduce((sum, value) => sum + value, 0) / 600)).toBeLessThan(0.02);
    const [all, few] = [
      await selectPursuit(features),
      await selectPursuit(features, { density: { exactRows: 100, references: 300 } }),
    ];
    const kept = new Set(all.candidates);
    const both = [...few.candidates].filter((row) => kept.has(row)).length;
    expect(both / (all.candidates.length + few.candidates.length - both)).toBeGreaterThan(0.8);
    expect(all.candidates.length).toBeLessThan(360);
    expect(all.rows.every((row) => kept.has(row))).toBe(true);
  });
});

describe('what explains an instance', () => {
  it('is the prototype with the largest cosine, both spaces side by side, by sums over every element', async () => {
    const features = paired(50);
    const { rows } = await selectPursuit(features, { candidates: 'all', count: 4 });
    for (const normalize of [true, false]) {
      const { nearest, cosine, explained } = explain(features, rows, { normalize });
      const scaled = (x: Float32Array, width: number): number[][] =>
        rowsOf(x, width).map((row) => (normalize ? unit(row) : row));
      const students = scaled(features.student, 9);
      const joined = scaled(features.teacher, 12).map((row, i) => [...row, ...students[i]!]);
      const counts = [0, 0, 0, 0];
      for (const [i, x] of joined.entries()) {
        const cosines = Array.from(
          rows,
          (row) => inner(x, joined[row]!) / Math.sqrt(inner(x, x) * inner(joined[row]!, joined[row]!)),
        );
        expect(nearest[i]).toBe(cosines.indexOf(Math.max(...cosines)));
        expect(cosine[i]).toBeCloseTo(Math.max(...cosines), 6);
        counts[nearest[i]!]!++;
      }
      expect([...explained]).toEqual(counts);
      expect(Array.from(rows, (row) => nearest[row])).toEqual([0, 1, 2, 3]);
    }
  });

  it('tells instances apart that have much in common, which the removed energy does not', () => {
    // Three groups around one mean: the mean is most of every instance, and the first prototype takes it from all of
    // them.
    const features = paired(60);
    const far = (x: Float32Array, width: number): Float32Array =>
      x.map((value, at) => 0.1 * value + 4 + ((at % width) % 3 === Math.floor(at / width) % 3 ? 3 : 0));
    const grouped = { ...features, teacher: far(features.teacher, 12), student: far(features.student, 9) };
    const { nearest, explained } = explain(grouped, [0, 1, 2]);
    expect([...explained]).toEqual([20, 20, 20]);
    for (const [i, j] of nearest.entries()) expect(j).toBe(i % 3);
    const { removed } = follow(grouped, [0, 1, 2], { similarity: 10, normalize: true });
    for (let i = 0; i < 60; i++) expect(removed[i]).toBeGreaterThan(Math.max(removed[60 + i]!, removed[120 + i]!));
  });

  it('is none for an instance without features, and nothing without prototypes', () => {
    const features = paired(6);
    features.teacher.fill(0, 24, 36);
    features.student.fill(0, 18, 27);
    features.teacher[4 * 12] = Number.NaN;
    const { nearest, cosine, explained } = explain(features, [0, 5]);
    expect([nearest[2], nearest[4], cosine[2], cosine[4]]).toEqual([-1, -1, 0, 0]);
    expect(explained[0]! + explained[1]!).toBe(4);
    expect([...explain(features, []).nearest]).toEqual([-1, -1, -1, -1, -1, -1]);
  });
});

describe('bank of a level', () => {
  const features = paired(90);
  const labels = Int32Array.from({ length: 90 }, (_, i) => (i < 2 ? 0 : i % 2 === 0 ? 1 : 3));

  it('holds raw vectors in order of selection, their origin, and who is explained by them', async () => {
    const bank = await buildLevel({ ...features, labels }, { classes: 4, count: 5 });
    expect([...bank.offsets]).toEqual([0, 2, 7, 7, 12]);
    expect(bank.classes.map(({ source, instances }) => [source, instances])).toEqual([
      ['chosen', 2],
      ['chosen', 44],
      ['empty', 0],
      ['chosen', 44],
    ]);
    for (const [p, row] of bank.rows.entries()) {
      const label = bank.offsets.findIndex((offset) => offset > p) - 1;
      expect(labels[row]).toBe(label);
      expect([...bank.teacher.subarray(p * 12, (p + 1) * 12)]).toEqual([
        ...features.teacher.subarray(row * 12, (row + 1) * 12),
      ]);
      expect([...bank.student.subarray(p * 9, (p + 1) * 9)]).toEqual([
        ...features.student.subarray(row * 9, (row + 1) * 9),
      ]);
    }
    for (const [i, p] of bank.nearest.entries())
      expect(p >= bank.offsets[labels[i]!]! && p < bank.offsets[labels[i]! + 1]!).toBe(true);
    expect([...bank.explained].reduce((sum, value) => sum + value, 0)).toBe(90);
    expect([...bank.kept].every((row) => row === -1)).toBe(true);
  });

  it('a class without instances keeps what it had', async () => {
    const before = await buildLevel({ ...features, labels }, { classes: 4, count: 5 });
    const fewer = {
      ...features,
      teacher: features.teacher.subarray(2 * 12),
      student: features.student.subarray(2 * 9),
      labels: labels.subarray(2),
    };
    const after = await buildLevel(fewer, { classes: 4, count: 3, previous: before });
    expect([...after.offsets]).toEqual([0, 2, 5, 5, 8]);
    expect(after.classes.map(({ source }) => source)).toEqual(['kept', 'chosen', 'empty', 'chosen']);
    expect([...after.kept]).toEqual([0, 1, -1, -1, -1, -1, -1, -1]);
    expect([...after.rows.subarray(0, 2)]).toEqual([-1, -1]);
    expect([...after.teacher.subarray(0, 24)]).toEqual([...before.teacher.subarray(0, 24)]);
    await expect(buildLevel({ ...fewer, labels: fewer.labels }, { classes: 5, previous: before })).rejects.toThrow(
      '4 classes; the features have 12 and 9, and there are 5 classes',
    );
  });

  it('takes any selector', async () => {
    const bank = await buildLevel({ ...features, labels }, { classes: 4, count: 5, selector: selectKMeans() });
    expect(bank.classes.map(({ source }) => source)).toEqual(['chosen', 'chosen', 'empty', 'chosen']);
    expect([...bank.gains].every((gain) => gain > 0 && Number.isFinite(gain))).toBe(true);
  });
});
