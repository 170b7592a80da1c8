import { describe, expect, it } from 'vitest';
import { parseOptions } from '../options.js';
import { termFactor, termSchedule, type TermScheduleInput } from './term-schedule.js';

const factors = (input: TermScheduleInput, steps: readonly number[], total = 10, perEpoch = 5): number[] =>
  steps.map((step) =>
    termFactor(parseOptions(termSchedule, input, 'schedule'), {
      step,
      steps: total,
      epoch: Math.floor(step / perEpoch),
      epochs: total / perEpoch,
      fraction: step / total,
    }),
  );

describe('termFactor', () => {
  it('is 1 without options', () => expect(factors({}, [0, 5, 9])).toEqual([1, 1, 1]));

  it('is 0 before the start and from the stop on', () =>
    expect(factors({ start: 2, stop: 4 }, [1, 2, 3, 4])).toEqual([0, 1, 1, 0]));

  it('rises over the warm-up, which begins at the start', () =>
    expect(factors({ start: 2, warmup: 4 }, [1, 2, 3, 5, 6])).toEqual([0, 0.25, 0.5, 1, 1]));

  it('decays by steps or by epochs', () => {
    expect(factors({ decay: 'linear' }, [0, 4, 9])).toEqual([1, 0.6, 0.09999999999999998]);
    expect(factors({ decay: 'epoch' }, [0, 4, 5, 9])).toEqual([1, 1, 0.5, 0.5]);
  });

  it('refuses a stop that leaves no step', () => {
    for (const stop of [0, 3, 4]) expect(() => factors({ start: 4, stop }, [0])).toThrow(/stop must be behind start/);
    expect(factors({ start: 4, stop: 5 }, [3, 4, 5])).toEqual([0, 1, 0]);
    expect(() => factors({ stop: 0 }, [0])).toThrow(/stop must be behind start/);
  });

  it('refuses what it does not know', () =>
    expect(() => factors({ until: 3 } as TermScheduleInput, [0])).toThrow(/until/));
});
