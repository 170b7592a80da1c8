import './gradients.js';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** Gradients of a weighted sum with respect to every input, flat. */
const gradients = (run: (...inputs: tf.Tensor[]) => tf.Tensor, ...inputs: tf.Tensor[]): number[][] =>
  tf
    .grads((...of) => {
      const y = run(...of);
      return tf.sum(tf.mul(y, tf.reshape(tf.range(1, y.size + 1), y.shape))) as tf.Scalar;
    })(inputs)
    .map((gradient) => [...gradient.dataSync()]);

describe('gradients that tfjs-core has wrong', () => {
  const x = tf.tensor2d([1, 5, 3, 4, 2, 6], [3, 2]);

  it.each<[string, (of: tf.Tensor) => tf.Tensor, number[]]>([
    // y = [1, 5; 4, 9; 6, 15], weights 1 to 6: each x counts in its row and those below.
    ['cumsum along the first axis', (of) => tf.cumsum(of, 0), [9, 12, 8, 10, 5, 6]],
    ['cumsum along the first axis, reversed', (of) => tf.cumsum(of, 0, false, true), [1, 2, 4, 6, 9, 12]],
    ['cumsum along the first axis, exclusive', (of) => tf.cumsum(of, 0, true), [8, 10, 5, 6, 0, 0]],
    ['cumsum along the last axis', (of) => tf.cumsum(of, 1), [3, 2, 7, 4, 11, 6]],
  ])('%s', (_, run, expected) => expect(gradients(run, x)).toEqual([expected]));

  it.each<[string, (a: tf.Tensor, b: tf.Tensor) => tf.Tensor, number[][]]>([
    // Against the row [2, 4]: 1 < 2, 5 > 4, 3 > 2, 4 = 4, 2 = 2, 6 > 4; at a tie the first argument counts.
    [
      'maximum',
      tf.maximum,
      [
        [0, 2, 3, 4, 5, 6],
        [1, 0],
      ],
    ],
    [
      'minimum',
      tf.minimum,
      [
        [1, 0, 0, 4, 5, 0],
        [3, 8],
      ],
    ],
    [
      'squaredDifference',
      tf.squaredDifference,
      [
        [-2, 4, 6, 0, 0, 24],
        [-4, -28],
      ],
    ],
  ])('%s with a row that is broadcast', (_, run, expected) => {
    const row = tf.tensor1d([2, 4]);
    expect(gradients(run, x, row)).toEqual(expected);
    expect(gradients(run, row, x).map(({ length }) => length)).toEqual([2, 6]);
  });

  it('gather with a batch axis: rows that are taken twice count twice', () => {
    const batch = tf.tensor3d([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2]);
    const rows = tf.tensor2d([1, 1, 0, 1], [2, 2], 'int32');
    expect(gradients((of) => tf.gather(of, rows, 1, 1), batch)).toEqual([[0, 0, 4, 6, 5, 6, 7, 8]]);
  });

  it('leaves what an engine registers later as it is', () => {
    const own = { kernelName: 'Maximum', inputsToSave: ['a', 'b'], gradFunc: () => ({}) };
    const ours = tf.getGradient('Maximum');
    tf.unregisterGradient('Maximum');
    tf.registerGradient(own);
    expect(tf.getGradient('Maximum')).toBe(own);
    tf.unregisterGradient('Maximum');
    tf.registerGradient(ours);
  });
});

describe('the gradient of taking a tensor apart', () => {
  const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
  /** Part k counts k + 1 times. */
  const gradient = (parts: (of: tf.Tensor2D) => tf.Tensor[]): number[] => [
    ...tf
      .grad((of) => tf.addN(parts(of as tf.Tensor2D).map((part, k) => tf.mul(tf.sum(tf.square(part)), k + 1))))(x)
      .dataSync(),
  ];

  it.each<[string, (of: tf.Tensor2D) => tf.Tensor[], number[]]>([
    ['split into one', (of) => tf.split(of, 1), [2, 4, 6, 8, 10, 12]],
    ['split into one by sizes', (of) => tf.split(of, [3]), [2, 4, 6, 8, 10, 12]],
    ['split into one along another axis', (of) => tf.split(of, [2], 1), [2, 4, 6, 8, 10, 12]],
    ['split into two', (of) => tf.split(of, [1, 2]), [2, 4, 12, 16, 20, 24]],
    ['split into two, one empty', (of) => tf.split(of, [3, 0]), [2, 4, 6, 8, 10, 12]],
    ['unstack one', (of) => tf.unstack(tf.reshape(of, [1, 6])), [2, 4, 6, 8, 10, 12]],
    ['unstack two', (of) => tf.unstack(of, 1), [2, 8, 6, 16, 10, 24]],
  ])('%s', (_, parts, expected) => expect(gradient(parts)).toEqual(expected));
});
