import { describe, expect, it } from 'vitest';
import type { Progress } from '../contract/plugin.js';
import { courseOf } from './course.js';
import { learningRateFactor } from '../run/schedules.js';
import { termFactor } from '../plugins/term-schedule.js';

const run = { steps: 100, stepsPerEpoch: 10, epochs: 10 };

describe('courseOf', () => {
  it('tells a constant by its first and last step', () => {
    expect(courseOf(() => 0.5, run)).toEqual([
      { step: 1, value: 0.5 },
      { step: 100, value: 0.5 },
    ]);
    expect(courseOf(() => 2, { steps: 1, stepsPerEpoch: 1, epochs: 1 })).toEqual([{ step: 1, value: 2 }]);
    expect(courseOf(() => 0, run)).toHaveLength(2);
  });

  it('tells where a line bends: a warm-up and a milestone', () => {
    const course = courseOf(
      (progress) => learningRateFactor({ kind: 'step', milestones: [8], warmup: { steps: 5, factor: 0 } }, progress),
      run,
    );
    expect(course.map(({ step }) => step)).toEqual([1, 6, 80, 81, 100]);
    expect(course.map(({ value }) => Number(value.toFixed(6)))).toEqual([0, 1, 1, 0.1, 0.1]);
  });

  it('counts epochs and fractions as training does', () => {
    const seen: Progress[] = [];
    courseOf((progress) => (seen.push(progress), 1), run);
    expect(seen[0]).toEqual({ step: 0, steps: 100, epoch: 0, epochs: 10, fraction: 0 });
    expect(seen[99]).toEqual({ step: 99, steps: 100, epoch: 9, epochs: 10, fraction: 0.99 });
  });

  it('tells of a curve five places and its highest', () => {
    const course = courseOf((progress) => learningRateFactor({ kind: 'cosine', warmup: { steps: 10 } }, progress), run);
    expect(course.map(({ step }) => step)).toEqual([1, 11, 26, 51, 75, 100]);
    expect(Math.max(...course.map(({ value }) => value))).toBe(course[1]!.value);
  });

  it('sees a term that starts late and stops early', () => {
    const course = courseOf((progress) => termFactor({ start: 20, stop: 60, warmup: 0, decay: 'none' }, progress), run);
    expect(course).toEqual([
      { step: 1, value: 0 },
      { step: 20, value: 0 },
      { step: 21, value: 1 },
      { step: 60, value: 1 },
      { step: 61, value: 0 },
      { step: 100, value: 0 },
    ]);
  });

  it('tells of a curve where it leaves zero and comes back to it', () => {
    const course = courseOf(
      (progress) => termFactor({ start: 20, stop: 70, warmup: 20, decay: 'linear' }, progress),
      run,
    );
    expect(course.map(({ step }) => step)).toEqual([1, 20, 21, 26, 40, 51, 70, 71, 75, 100]);
    expect(course.filter(({ value }) => value === 0).map(({ step }) => step)).toEqual([1, 20, 71, 75, 100]);
  });

  it('takes no longer for a run of millions of steps', () => {
    let calls = 0;
    const course = courseOf(() => (calls++, 1), { steps: 3_000_001, stepsPerEpoch: 1, epochs: 3_000_001 });
    expect(calls).toBeLessThan(60_000);
    expect(course.at(-1)).toEqual({ step: 3_000_001, value: 1 });
  });
});
