import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import type { Adapter } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type FbkdBlocks, fbkdLoss } from './fbkd-loss.js';
import type { NonLocalBlock } from './non-local.js';

beforeAll(() => tf.setBackend('cpu'));

const identity = (channels: number): Adapter => ({ kernel: tf.reshape(tf.eye(channels), [1, 1, channels, channels]) });
const nothing = (): NonLocalBlock => {
  const part = (from: number, to: number): Adapter => ({ kernel: tf.ones([1, 1, from, to]) });
  return {
    theta: part(2, 1),
    phi: part(2, 1),
    g: part(2, 1),
    out: { ...part(1, 2), norm: { gamma: tf.zeros([2]), beta: tf.zeros([2]) } },
    pool: 8,
  };
};
const blocks = (): FbkdBlocks => ({
  feature: identity(2),
  channel: identity(2),
  relation: identity(2),
  spatial: { kernel: tf.tensor4d([0, 0, 0, 0, 1, 0, 0, 0, 0], [3, 3, 1, 1]) },
  student: nothing(),
  teacher: nothing(),
});
const map = (...values: number[]): tf.Tensor4D => tf.tensor4d(values, [1, 1, values.length / 2, 2]);

function terms(student: tf.Tensor4D, teacher: tf.Tensor4D) {
  const all = fbkdLoss([{ student, teacher, blocks: blocks() }]);
  return Object.fromEntries(Object.entries(all).map(([name, term]) => [name, (term as tf.Scalar).dataSync()[0]!]));
}

describe('fbkdLoss', () => {
  it('is the norms of differences, worked out by hand where all cells are alike', () => {
    // One difference of (3, 4) in each of two cells; attention is 1, the blocks change nothing.
    const { feature, channel, spatial, relation } = terms(map(0, 0, 0, 0), map(3, 4, 3, 4));
    expect(feature).toBeCloseTo(Math.sqrt(50), 5);
    expect(channel).toBeCloseTo(5, 5);
    expect(spatial).toBeCloseTo(Math.sqrt(2 * 3.5 ** 2), 5);
    expect(relation).toBeCloseTo(Math.sqrt(50), 5);
  });

  it('is 0 on maps that are the same, with a gradient of 0 instead of none', () => {
    const same = () => map(1, -2, 3, 4);
    expect(terms(same(), same())).toEqual({ feature: 0, channel: 0, spatial: 0, relation: 0 });
    const slope = tf.grad((x) => {
      const { feature, channel, spatial, relation } = fbkdLoss([
        { student: x as tf.Tensor4D, teacher: same(), blocks: blocks() },
      ]);
      return tf.addN([feature, channel, spatial, relation]);
    })(same());
    expect([...slope.dataSync()].map(Math.abs)).toEqual([0, 0, 0, 0]);
  });

  it('takes a level of one cell, below the window of its blocks, and no level', () => {
    expect(terms(map(0, 0), map(3, 4))['feature']).toBeCloseTo(5, 5);
    expect(Object.values(fbkdLoss([])).map((term: tf.Scalar) => term.dataSync()[0])).toEqual([0, 0, 0, 0]);
  });
});
