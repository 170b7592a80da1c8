import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { detach } from './detach.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

it('keeps values and no gradient, behind operations without one too', () => {
  const before = tf.memory().numTensors;
  const [value, slope] = tf.tidy(() => {
    const { value: sum, grad } = tf.valueAndGrad((x: tf.Tensor) =>
      tf.sum(tf.mul(tf.mul(x, detach(tf.mul(x, 2))), tf.cast(tf.greater(detach(x), 1), 'float32'))),
    )(tf.tensor1d([1, 2, 3]));
    return [sum.dataSync()[0], [...grad.dataSync()]];
  });
  expect(value).toBe(8 + 18);
  expect(slope).toEqual([0, 4, 6]);
  expect(tf.memory().numTensors).toBe(before);
});
