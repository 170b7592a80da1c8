import * as tf from '@tensorflow/tfjs-core';
import { cpuEngine } from '@kd/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Instances, Targets } from '../contract/detector.js';
import { priorInstances, regionInstances } from './instances.js';

let tensors: number;
beforeAll(() => cpuEngine().start());
beforeEach(() => void (tensors = tf.memory().numTensors));
afterEach(() => expect(tf.memory().numTensors, 'live tensors after the test').toBe(tensors));

describe('the table of instances', () => {
  const targets = (): Targets => ({
    boxes: tf.tensor3d([
      [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
      [
        [9, 9, 10, 10],
        [0, 0, 0, 0],
      ],
    ]),
    labels: tf.tensor2d(
      [
        [3, 9],
        [4, 0],
      ],
      [2, 2],
      'int32',
    ),
    mask: tf.tensor2d([
      [1, 1],
      [1, 0],
    ]),
    imageSizes: [],
    paddedSize: [8, 8],
    ids: [],
  });
  const matched = (): tf.Tensor2D =>
    tf.tensor2d(
      [
        [-1, 1, -2, 0],
        [-1, -1, -1, 0],
      ],
      [2, 4],
      'int32',
    );
  const read = (table: () => Instances): Record<string, unknown> =>
    tf.tidy(() =>
      Object.fromEntries(
        Object.entries(table()).map(([name, value]: [string, tf.Tensor]) => [name, value.arraySync()]),
      ),
    ) as unknown as Record<string, unknown>;

  it('has the positive priors first, in their order, with their ground truth', () => {
    const table = (): Instances =>
      priorInstances(
        { matched: matched(), positives: tf.tensor1d([2, 1]) },
        tf.tensor2d([
          [0, 0, 1, 1],
          [1, 1, 2, 2],
          [2, 2, 3, 3],
          [3, 3, 4, 4],
        ]),
        targets(),
      );
    expect(read(table)).toEqual({
      mask: [
        [1, 1, 0, 0],
        [1, 0, 0, 0],
      ],
      rows: [
        [1, 3, 0, 0],
        [3, 0, 0, 0],
      ],
      boxes: [
        [
          [1, 1, 2, 2],
          [3, 3, 4, 4],
          [0, 0, 0, 0],
          [0, 0, 0, 0],
        ],
        [
          [3, 3, 4, 4],
          [0, 0, 0, 0],
          [0, 0, 0, 0],
          [0, 0, 0, 0],
        ],
      ],
      matched: [
        [1, 0, -1, -1],
        [0, -1, -1, -1],
      ],
      targetBoxes: [
        [
          [5, 6, 7, 8],
          [1, 2, 3, 4],
          [0, 0, 0, 0],
          [0, 0, 0, 0],
        ],
        [
          [9, 9, 10, 10],
          [0, 0, 0, 0],
          [0, 0, 0, 0],
          [0, 0, 0, 0],
        ],
      ],
      labels: [
        [9, 3, 0, 0],
        [4, 0, 0, 0],
      ],
    });
  });

  it('takes the boxes of regions from the own image, and at most as many as the sampler takes positives', () => {
    const boxes = (): tf.Tensor3D =>
      tf.tensor3d([
        [
          [0, 0, 1, 1],
          [1, 1, 2, 2],
          [2, 2, 3, 3],
          [3, 3, 4, 4],
        ],
        [
          [0, 0, 5, 5],
          [1, 1, 5, 5],
          [2, 2, 5, 5],
          [3, 3, 5, 5],
        ],
      ]);
    const table = (): Instances =>
      regionInstances(
        { boxes: boxes(), matched: matched(), maxPositives: 2, sampledPriors: tf.ones([2, 4]) },
        targets(),
      );
    expect(read(table)).toMatchObject({
      mask: [
        [1, 1],
        [1, 0],
      ],
      boxes: [
        [
          [1, 1, 2, 2],
          [3, 3, 4, 4],
        ],
        [
          [3, 3, 5, 5],
          [0, 0, 0, 0],
        ],
      ],
    });
  });

  it('has one row, off the mask, where the sampler takes no positive at all', () => {
    const table = (): Instances =>
      regionInstances(
        {
          boxes: tf.ones([2, 3, 4]) as tf.Tensor3D,
          matched: tf.fill([2, 3], -1, 'int32') as tf.Tensor2D,
          maxPositives: 0,
          sampledPriors: tf.ones([2, 4]),
        },
        targets(),
      );
    expect(read(table)).toMatchObject({
      mask: [[0], [0]],
      boxes: [[[0, 0, 0, 0]], [[0, 0, 0, 0]]],
      matched: [[-1], [-1]],
      labels: [[0], [0]],
    });
  });

  it('is empty without ground truth', () => {
    const none = (): Targets => ({
      ...targets(),
      boxes: tf.zeros([1, 0, 4]) as tf.Tensor3D,
      labels: tf.zeros([1, 0], 'int32') as tf.Tensor2D,
    });
    const table = (): Instances =>
      priorInstances(
        { matched: tf.fill([1, 2], -1, 'int32') as tf.Tensor2D, positives: tf.zeros([1]) },
        tf.zeros([2, 4]),
        none(),
      );
    expect(read(table)).toMatchObject({
      mask: [[0, 0]],
      labels: [[0, 0]],
      targetBoxes: [
        [
          [0, 0, 0, 0],
          [0, 0, 0, 0],
        ],
      ],
    });
  });
});
