import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { instanceCells } from './instance-cells.js';

beforeAll(() => tf.setBackend('cpu'));

const cells = (weights: number[], matched: number[], boxes: number[][], mask: number[]): number[] => [
  ...instanceCells(
    tf.tensor2d([weights]),
    {
      targets: { boxes: tf.tensor3d(boxes.flat(), [1, boxes.length, 4]), mask: tf.tensor2d([mask], [1, mask.length]) },
      instances: { matched: tf.tensor2d([matched], [1, matched.length], 'int32') },
    },
    { stride: 8, height: 2, width: 3 },
  ).dataSync(),
];

it('gives the cells of an object the mean of its instances, and all others 1', () => {
  const boxes = [
    [0, 0, 16, 8],
    [16, 8, 24, 16],
    [0, 8, 8, 16],
  ];
  // The third object has no instance, the last row no object.
  expect(cells([0.25, 0.75, 0, 9], [0, 0, 1, -1], boxes, [1, 1, 1])).toEqual([0.5, 0.5, 1, 1, 1, 0]);
  expect(cells([0.25, 0.75, 0, 9], [0, 0, 1, -1], boxes, [1, 0, 0])).toEqual([0.5, 0.5, 1, 1, 1, 1]);
});

it('gives 1 without an object', () => {
  expect(cells([1, 1], [-1, -1], [], [])).toEqual([1, 1, 1, 1, 1, 1]);
});
