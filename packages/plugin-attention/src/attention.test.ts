import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { channelAttention, spatialAttention } from './attention.js';

beforeAll(() => tf.setBackend('cpu'));

/** Two cells of two channels: means |x| of 1 and 1 + ln 3 a cell, ln 3 / 2 apart a channel. */
const map = () => tf.tensor4d([1, -1, 1 + Math.log(3), -1 - Math.log(3)], [1, 1, 2, 2]);

describe('attention', () => {
  it('is a softmax of the mean magnitude times the number of cells, or of channels', () => {
    const [a, b] = spatialAttention(map(), 1).dataSync();
    expect(a).toBeCloseTo(2 * 0.25, 6);
    expect(b).toBeCloseTo(2 * 0.75, 6);
    expect([...channelAttention(map(), 1).dataSync()]).toEqual([1, 1]);
    const [c] = spatialAttention(map(), 0.5).dataSync();
    expect(c).toBeCloseTo(2 * 0.1, 6); // 1 : 9
  });

  it('is 1 on a level of one cell, and of a map of zeros, with a gradient of 0', () => {
    expect([...spatialAttention(tf.tensor4d([3, 4], [1, 1, 1, 2]), 0.5).dataSync()]).toEqual([1]);
    const slope = tf.grad((x) => tf.sum(tf.square(spatialAttention(x as tf.Tensor4D, 0.5))))(tf.zeros([1, 2, 2, 3]));
    expect([...slope.dataSync()].every((value) => value === 0)).toBe(true);
  });
});
