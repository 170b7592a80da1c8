import { describe, expect, it } from 'vitest';
import type { DatasetPass } from '../contract/plugin.js';
import { duePass, passTimes } from './pass-due.js';

describe('passTimes', () => {
  it.each<readonly [DatasetPass['every'], number, number]>([
    [0, 12, 4],
    [1, 12, 4],
    [2, 12, 4],
    [5, 12, 4],
    [0.5, 12, 4],
    [0.3, 2, 2],
    [0.1, 12, 4],
    [1 / 3, 30, 10],
    [1 / 7, 21, 7],
    [0.7, 300, 10],
    [{ steps: 5 }, 12, 4],
    [{ steps: 1 }, 12, 4],
    [{ steps: 12 }, 12, 4],
    [{ steps: 13 }, 12, 4],
  ])(
    'counts the steps at which a pass of period %j is due in %d steps of %d an epoch',
    (every, steps, stepsPerEpoch) => {
      const due = Array.from({ length: steps }, (_, step) => step).filter(
        (step) => duePass(every, step, stepsPerEpoch, 'p').step === step,
      );
      expect(passTimes(every, steps, stepsPerEpoch, 'p')).toBe(due.length);
    },
  );

  it.each<DatasetPass['every']>([-1, Number.NaN, { steps: 0 }, { steps: 1.5 }])('refuses the period %j', (every) => {
    expect(() => passTimes(every, 12, 4, 'p')).toThrow(/^p\.datasetPass: every is /);
  });
});

describe('when a pass is due', () => {
  it.each([
    ['once', 0, 7, [0, 'epoch-0']],
    ['each epoch', 1, 7, [4, 'epoch-1']],
    ['every second epoch', 2, 7, [0, 'epoch-0']],
    ['every second epoch, later', 2, 8, [8, 'epoch-2']],
    ['twice an epoch', 0.5, 7, [6, 'epoch-1.5']],
    ['in steps', { steps: 3 }, 7, [6, 'step-6']],
    ['at that step', { steps: 7 }, 7, [7, 'step-7']],
  ] as const)('%s', (_, every, step, [due, name]) => expect(duePass(every, step, 4, 'p')).toEqual({ step: due, name }));

  it('starts with the epochs also where a part of one is no whole number of steps', () => {
    const due = Array.from({ length: 15 }, (_, step) => step).filter(
      (step) => duePass(0.5, step, 7, 'p').step === step,
    );
    expect(due).toEqual([0, 4, 7, 11, 14]);
    // Thirds and tenths, which binary fractions miss.
    for (const part of [3, 10])
      expect(duePass(1 / part, 70 * part, 7 * part, 'p')).toEqual({ step: 70 * part, name: 'epoch-10' });
  });

  it.each([-1, NaN, { steps: 0 }, { steps: 1.5 }])('refuses %o', (every) =>
    expect(() => duePass(every, 0, 4, 'p')).toThrow(/^p\.datasetPass: every is/),
  );
});
