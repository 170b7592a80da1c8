import { silentLogger } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { needsTensorflow } from '../../../../tests/needs-tensorflow.js';
import { tensorflow } from '../engine.js';

const engine = tensorflow();
needsTensorflow(async () => {
  await engine.start();
});

test('a compiled function is forgotten, for other shapes or by clear, only when calls on the other thread are done', async () => {
  const by = tf.scalar(2);
  const options = { name: 'the test', logger: silentLogger, most: 1 };
  const fn = engine.compile!((x: tf.Tensor) => tf.sum(tf.mul(x, by)), options);
  const before = tf.memory().numTensors;
  const call = async (size: number): Promise<number[]> => {
    const x = tf.ones([size]);
    const promise = fn.later!(x);
    x.dispose();
    const sum = await promise;
    const read = Array.from(sum.dataSync());
    sum.dispose();
    return read;
  };
  const pending = [1, 2, 3, 3].map(call);
  fn.clear();
  expect(await Promise.all(pending)).toEqual([[2], [4], [6], [6]]);
  expect(tf.memory().numTensors).toBe(before);
  by.dispose();
});
