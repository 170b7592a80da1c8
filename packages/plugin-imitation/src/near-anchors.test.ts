import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type NearAnchorOptions, nearAnchors } from './index.js';

beforeAll(() => tf.setBackend('cpu'));

/** A row of four cells of 8 pixels, each its own anchor. */
const anchors = (): tf.Tensor2D => tf.tensor2d([0, 1, 2, 3].map((i) => [8 * i, 0, 8 * i + 8, 8]));
const near = (boxes: number[][], on: number[], options: Partial<NearAnchorOptions> = {}): number[] => [
  ...nearAnchors(anchors(), tf.tensor3d([boxes]), tf.tensor2d([on]), {
    height: 1,
    width: 4,
    psi: 0.5,
    inclusive: false,
    ...options,
  }).dataSync(),
];

describe('nearAnchors', () => {
  it('takes the cells whose overlap is above half of the best', () => {
    expect(near([[1, 0, 9, 8]], [1])).toEqual([1, 0, 0, 0]); // 7/9 and 1/15
    expect(near([[3.9, 0, 11.9, 8]], [1])).toEqual([1, 1, 0, 0]);
    expect(near([[1, 0, 9, 8]], [1], { psi: 0.01 })).toEqual([1, 1, 0, 0]);
    // Half of the best itself is not above it.
    expect(near([[0, 0, 8, 8]], [1], { psi: 1 })).toEqual([0, 0, 0, 0]);
  });

  it.each([
    ['off', [0, 0, 8, 8], 0],
    ['far away', [400, 400, 410, 410], 1],
    ['without area', [4, 4, 4, 4], 1],
  ] as const)('finds no cell for a box %s', (_, box, on) => {
    expect(near([[...box]], [on])).toEqual([0, 0, 0, 0]);
  });

  it('finds cells for a box without area where sides include their ends', () => {
    expect(near([[4, 4, 4, 4]], [1], { inclusive: true })).toEqual([1, 0, 0, 0]);
  });

  it('fills a cell with the largest value of its boxes', () => {
    const values = tf.tensor2d([[0.25, 0.75]]);
    expect(
      near(
        [
          [0, 0, 8, 8],
          [0, 0, 16, 8],
        ],
        [1, 1],
        { values },
      ),
    ).toEqual([0.75, 0.75, 0, 0]);
  });

  it('takes a cell for any of its anchors', () => {
    const two = tf.tensor2d([
      [0, 0, 8, 8],
      [0, 0, 2, 2],
      [8, 0, 16, 8],
      [8, 0, 10, 2],
    ]);
    expect([
      ...nearAnchors(two, tf.tensor3d([[[8, 0, 10, 2]]]), tf.ones([1, 1]), {
        height: 1,
        width: 2,
        psi: 0.5,
        inclusive: false,
      }).dataSync(),
    ]).toEqual([0, 1]);
  });

  it('is empty without a row of boxes', () =>
    expect([
      ...nearAnchors(anchors(), tf.zeros([1, 0, 4]), tf.zeros([1, 0]), {
        height: 1,
        width: 4,
        psi: 0.5,
        inclusive: false,
      }).dataSync(),
    ]).toEqual([0, 0, 0, 0]));
});
