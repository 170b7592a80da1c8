import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { maximum, minimum } from './extremes.js';

it('gives each operand half of the gradient at a tie', () => {
  const [a, b] = [tf.tensor1d([1, 2, 3]), tf.tensor1d([2, 2, 2])];
  const weigh = (x: tf.Tensor): tf.Scalar => tf.sum(tf.mul(x, [1, 10, 100]));
  expect(
    tf
      .grads((x, y) => weigh(maximum(x!, y!)))([a, b])
      .map((g) => [...g.dataSync()]),
  ).toEqual([
    [0, 5, 100],
    [1, 5, 0],
  ]);
  expect(
    tf
      .grads((x, y) => weigh(minimum(x!, y!)))([a, b])
      .map((g) => [...g.dataSync()]),
  ).toEqual([
    [1, 5, 0],
    [0, 5, 100],
  ]);
});

it('sums the gradient of an operand that was broadcast', () => {
  const column = tf.tensor2d([[1], [5]]);
  const row = tf.tensor1d([3, 4, 6]);
  const [dColumn, dRow] = tf.grads((x, y) => tf.sum(maximum(x!, y!)))([column, row]);
  expect(dColumn!.arraySync()).toEqual([[0], [2]]);
  expect(dRow!.arraySync()).toEqual([1, 1, 2]);
});
