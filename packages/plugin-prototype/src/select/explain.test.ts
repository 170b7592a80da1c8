import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { explain, selectPursuit } from './index.js';
import { follow } from './follow.js';
import { inner, paired, rowsOf, unit } from '../../test/features.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
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
