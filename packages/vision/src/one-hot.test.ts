import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { oneHot } from './one-hot.js';

it.each(['float32', 'bool'] as const)('is 0 for labels that are no class, and takes a single class (%s)', (dtype) => {
  const hot = oneHot(tf.tensor1d([2, -1, 0, 3], 'int32'), 3, dtype);
  expect(hot.dtype).toBe(dtype);
  expect(hot.arraySync()).toEqual([
    [0, 0, 1],
    [0, 0, 0],
    [1, 0, 0],
    [0, 0, 0],
  ]);
  const single = oneHot(tf.tensor2d([[0, -1, 1]], [1, 3], 'int32'), 1, dtype);
  expect([single.dtype, single.arraySync()]).toEqual([dtype, [[[1], [0], [0]]]]);
});
