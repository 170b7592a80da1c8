import '@tensorflow/tfjs-backend-cpu';
import { createRng } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildLevel, densitiesOf, type SelectOptions, selectPursuit, selectStreamed } from './index.js';
import { inMemory } from './in-memory.js';
import { finite, inner, literal, paired, rowsOf, unit, withRows } from '../../test/features.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

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
    for (const candidates of ['all', 'density', 'sparse'] as const) {
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
    for (const candidates of ['all', 'density', 'sparse'] as const) {
      const selection = await selectPursuit(features, { candidates });
      expect([...selection.rows]).toEqual([0]);
      expect(selection.objective[0]! / selection.initialEnergy).toBeLessThan(1e-6);
      expect(selection.filterIgnored).toBe(candidates !== 'all');
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

  it('keeps the sparse ones of both spaces where they are wanted, and none of the dense ones', async () => {
    const features = paired(200);
    const { teacher, student } = await densitiesOf(features);
    const cut = (density: Float64Array): number => density.slice().sort()[80]!;
    const [t, s] = [cut(teacher), cut(student)];
    const expected = [...teacher.keys()].filter((row) => teacher[row]! < t && student[row]! < s);
    expect(expected.length).toBeGreaterThan(20);
    const sparse = await selectPursuit(features, { candidates: 'sparse' });
    expect([...sparse.candidates]).toEqual(expected);
    expect(sparse.rows).toHaveLength(10);
    expect([...sparse.rows].filter((row) => !expected.includes(row))).toEqual([]);
  });
});
