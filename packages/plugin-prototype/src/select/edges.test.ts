import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  explain,
  type PairedFeatures,
  selectDbscan,
  selectKMeans,
  type Selection,
  selectPursuit,
  selectRandom,
  type Selector,
} from './index.js';
import { finite, inner, paired, rowsOf, unit, withRows } from '../../test/features.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
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
