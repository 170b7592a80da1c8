import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { priorWeights } from './prior-weights.js';

beforeAll(() => tf.setBackend('cpu'));

it('lays weights of instances out over their priors, image by image, and gives 1 to all others', () => {
  const rows = tf.tensor2d(
    [
      [1, 3, 0],
      [2, 0, 0],
    ],
    [2, 3],
    'int32',
  );
  const mask = tf.tensor2d([
    [1, 1, 0],
    [1, 0, 0],
  ]);
  // What stands off the mask, even NaN, counts nothing.
  const weights = tf.tensor2d([
    [0.5, 0, 9],
    [2, NaN, 7],
  ]);
  expect(priorWeights(weights, { rows, mask }, 4).arraySync()).toEqual([
    [1, 0.5, 1, 0],
    [1, 1, 2, 1],
  ]);
});
