import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { backgroundAt } from './background-at.js';

beforeAll(() => tf.setBackend('cpu'));

it.each([
  [0, 3, [1, 2, 3, 0]],
  [3, 0, [3, 0, 1, 2]],
  [1, 2, [0, 2, 1, 3]],
  [2, 2, [0, 1, 2, 3]],
])('the background moves from %i to %i, the classes keep their order', (from, to, expected) => {
  expect(backgroundAt(tf.tensor3d([[[0, 1, 2, 3]]]), from, to).arraySync()).toEqual([[expected]]);
});
