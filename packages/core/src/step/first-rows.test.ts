import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, expect, it } from 'vitest';
import { firstRows } from './first-rows.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

it('gives the marked rows in order, and places without one', () => {
  const { rows, on } = firstRows(
    tf.tensor2d([
      [0, 1, 0, 1, 1],
      [0, 0, 0, 1, 0],
    ]),
    4,
  );
  expect(rows.arraySync()).toEqual([
    [1, 3, 4, 0],
    [3, 0, 0, 0],
  ]);
  expect(on.arraySync()).toEqual([
    [1, 1, 1, 0],
    [1, 0, 0, 0],
  ]);
});
