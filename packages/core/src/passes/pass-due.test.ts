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
