import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { reliabilityStats } from './reliability-stats.js';

beforeAll(() => tf.setBackend('cpu'));

const read = (levels: number[][][], mask: number[][]): Record<string, number> =>
  Object.fromEntries(
    Object.entries(
      reliabilityStats(
        levels.map((level) => tf.tensor2d(level)),
        tf.tensor2d(mask),
      ),
    ).map(([name, value]) => [name, value.dataSync()[0]!]),
  );

it('tells mean, least and share below a half of the instances that are there', () => {
  const stats = read(
    [
      [
        [1, 0.25],
        [0.5, 0],
      ],
      [
        [0.75, 0.75],
        [0.75, 0],
      ],
    ],
    [
      [1, 1],
      [1, 0],
    ],
  );
  expect(stats).toEqual({
    'weight.mean.0': expect.closeTo(1.75 / 3, 6),
    'weight.min.0': 0.25,
    'weight.low.0': expect.closeTo(1 / 3, 6),
    'weight.mean.1': 0.75,
    'weight.min.1': 0.75,
    'weight.low.1': 0,
  });
});

it('has full weights without any instance', () => {
  expect(read([[[0, 0]]], [[0, 0]])).toEqual({ 'weight.mean.0': 1, 'weight.min.0': 1, 'weight.low.0': 0 });
});
