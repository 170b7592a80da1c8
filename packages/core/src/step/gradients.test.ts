import './gradients.js';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

beforeAll(async () => {
  await tf.setBackend('cpu');
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
