import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { objectWeights } from './object-weights.js';

beforeAll(() => tf.setBackend('cpu'));

it('an object weighs what its instances weigh on average, and 1 without any', () => {
  const weights = tf.tensor2d([
    [0.2, 0.4, 0.9, 0.1],
    [0, 0.5, 0.5, 0.5],
  ]);
  const matched = tf.tensor2d(
    [
      [1, 1, 0, -1],
      [0, -1, -2, -1],
    ],
    [2, 4],
    'int32',
  );
  const rows = objectWeights(weights, matched, 3).arraySync();
  [
    [0.9, 0.3, 1],
    [0, 1, 1],
  ].forEach((row, i) => row.forEach((value, j) => expect(rows[i]![j]).toBeCloseTo(value, 6)));
});

it('there may be a single object, or none', () => {
  const matched = tf.tensor2d([[0, -1]], [1, 2], 'int32');
  expect(objectWeights(tf.tensor2d([[0.5, 0.1]]), matched, 1).arraySync()).toEqual([[0.5]]);
  expect(objectWeights(tf.tensor2d([[0.5, 0.1]]), matched, 0).shape).toEqual([1, 0]);
});
