import '@tensorflow/tfjs-backend-cpu';
import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { anchorCells, anchorGrid, cellAnchors, layPriors, priorLayer } from './anchors.js';

describe('cellAnchors', () => {
  it('rounds half to even', () => {
    expect([...cellAnchors([5, 7, 9], [1])]).toEqual([-2, -2, 2, 2, -4, -4, 4, 4, -4, -4, 4, 4]);
    expect([...cellAnchors([5], [1], false)]).toEqual([-2.5, -2.5, 2.5, 2.5]);
  });

  it('goes through the sizes of each ratio, height / width', () => {
    expect([...cellAnchors([16, 32], [4, 0.25])]).toEqual([
      -4, -16, 4, 16, -8, -32, 8, 32, -16, -4, 16, 4, -32, -8, 32, 8,
    ]);
  });
});

describe('anchorGrid', () => {
  const options = { sizes: [[4], [8, 16]], ratios: [[1], [1]] };

  it('lays rows by level, y, x, cell anchor, with whole quotients as strides and no half-pixel offset', () => {
    const { boxes, perLevel, strides } = anchorGrid(
      [
        [2, 3],
        [1, 2],
      ],
      [11, 16],
      options,
    );
    expect(perLevel).toEqual([6, 4]);
    expect(strides).toEqual([
      [5, 5],
      [11, 8],
    ]);
    expect((boxes as tf.Tensor2D).arraySync()).toEqual([
      [-2, -2, 2, 2],
      [3, -2, 7, 2],
      [8, -2, 12, 2],
      [-2, 3, 2, 7],
      [3, 3, 7, 7],
      [8, 3, 12, 7],
      [-4, -4, 4, 4],
      [-8, -8, 8, 8],
      [4, -4, 12, 4],
      [0, -8, 16, 8],
    ]);
  });

  it('takes given strides', () => {
    expect(
      anchorGrid(
        [
          [1, 2],
          [1, 1],
        ],
        [10, 20],
        {
          ...options,
          strides: [
            [8, 8],
            [16, 16],
          ],
        },
      ).strides,
    ).toEqual([
      [8, 8],
      [16, 16],
    ]);
  });

  it('refuses lists of other lengths and levels larger than the batch', () => {
    expect(() => anchorGrid([[1, 1]], [8, 8], options)).toThrow(/sizes are given for 2 levels, but there are 1/);
    expect(() =>
      anchorGrid(
        [
          [8, 8],
          [4, 4],
        ],
        [32, 3],
        options,
      ),
    ).toThrow(/Level 0 of 8 x 8 cells is larger than the padded batch of 32 x 3/);
  });
});

describe('priorLayer', () => {
  it('lays the same priors again, in tensors of their own', () => {
    const grid = anchorCells({ sizes: [[8, 12], [16]], ratios: [[1], [0.5, 2]] });
    const lay = priorLayer(grid);
    const sizes: Parameters<typeof lay> = [
      [
        [2, 3],
        [1, 2],
      ],
      [16, 24],
    ];
    const [first, second, plain] = [lay(...sizes), lay(...sizes), layPriors(...sizes, grid)];
    first.boxes.dispose();
    expect(second.boxes.arraySync()).toEqual(plain.boxes.arraySync());
    expect({ ...second, boxes: null }).toEqual({ ...plain, boxes: null });
    expect(
      lay(
        [
          [2, 2],
          [1, 1],
        ],
        [16, 16],
      ).boxes.shape,
    ).toEqual([12 - 2, 4]);
  });
});
