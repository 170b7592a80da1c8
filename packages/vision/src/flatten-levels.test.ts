import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { flattenLevels } from './flatten-levels.js';

it('lays priors in rows: level, y, x, prior of the cell', () => {
  const fine = tf.tensor4d([
    [
      [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
      ],
    ],
  ]);
  const coarse = tf.tensor4d([[[[8, 9, 10, 11]]]]);
  expect(flattenLevels([fine, coarse], 2).arraySync()).toEqual([
    [
      [0, 1],
      [2, 3],
      [4, 5],
      [6, 7],
      [8, 9],
      [10, 11],
    ],
  ]);
});
