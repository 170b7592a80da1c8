import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildLevel, selectKMeans } from './index.js';
import { paired } from '../../test/features.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
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
