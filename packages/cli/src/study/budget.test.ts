import { expect, test } from 'vitest';
import { fit, runTime, sideBySide } from './budget.js';

// Two variants: 10 and 20 seconds to set up, 60 and 90 an epoch.
const times = [
  { setUp: 10, epoch: 60 },
  { setUp: 20, epoch: 90 },
];
const wanted = { seeds: 3, epochs: 4 };

test.each([
  ['all of it', 1890, { seeds: 3, epochs: 4, seconds: 1890 }],
  ['a seed less before an epoch less', 1889, { seeds: 2, epochs: 4, seconds: 1260 }],
  ['fewer epochs before one seed', 1259, { seeds: 2, epochs: 3, seconds: 960 }],
  ['an epoch with two seeds', 360, { seeds: 2, epochs: 1, seconds: 360 }],
  ['one seed at last', 359, { seeds: 1, epochs: 2, seconds: 330 }],
  ['the least', 180, { seeds: 1, epochs: 1, seconds: 180 }],
  ['nothing', 179, null],
])('%s fits into %d seconds', (_, seconds, expected) => {
  expect(fit(seconds, times, wanted)).toEqual(expected);
});

test('a study of one seed keeps it', () => {
  expect(fit(700, times, { seeds: 1, epochs: 4 })).toEqual({ seeds: 1, epochs: 4, seconds: 630 });
});

test('the time of a run: the first step warms up, passes are those of all images, an evaluation is a third of its steps', () => {
  const plan = {
    data: { train: { images: 160 }, val: { images: 48 } },
    distillers: [{ pass: null }, { pass: { times: 5, measured: { images: 16, seconds: 2 } } }],
    training: { epochs: 10, stepsPerEpoch: 20, batchSize: 8, evaluate: { every: 5 } },
    measured: { steps: [{ seconds: 9 }, { seconds: 0.7 }, { seconds: 0.5 }, { seconds: 0.6 }] },
  };
  // 20 steps of 0.6; 5 passes of 20 seconds over 10 epochs; every fifth epoch 6 batches of 0.2.
  expect(runTime(plan, 20)).toEqual({ setUp: expect.closeTo(20 - 12.8, 9), epoch: expect.closeTo(12 + 10 + 0.24, 9) });
  const atTheEnd = { ...plan, training: { ...plan.training, evaluate: { every: 0 } } };
  expect(runTime(atTheEnd, 20)).toEqual({ setUp: expect.closeTo(7.2 + 1.2, 9), epoch: expect.closeTo(22, 9) });
});

test('99 jobs on two cores are no 99 times as fast', () => {
  expect(sideBySide(99, { runs: 12, cores: 2 })).toBe(2);
  expect(sideBySide(99, { runs: 3, cores: 8 })).toBe(3);
  expect(sideBySide(2, { runs: 12, cores: 8 })).toBe(2);
});
