import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { gatherMatched } from './gather-matched.js';

it('reads labels and boxes of the own image, zeros where nothing is matched', () => {
  const matched = tf.tensor2d(
    [
      [1, -1, 0],
      [-2, 1, 1],
    ],
    [2, 3],
    'int32',
  );
  const labels = gatherMatched(
    tf.tensor2d(
      [
        [7, 8],
        [9, 4],
      ],
      [2, 2],
      'int32',
    ),
    matched,
  );
  expect(labels.dtype).toBe('int32');
  expect(labels.arraySync()).toEqual([
    [8, 0, 7],
    [0, 4, 4],
  ]);
  const boxes = tf.tensor3d([
    [
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ],
    [
      [0, 0, 1, 1],
      [2, 2, 9, 9],
    ],
  ]);
  expect(gatherMatched(boxes, matched).arraySync()).toEqual([
    [
      [5, 6, 7, 8],
      [0, 0, 0, 0],
      [1, 2, 3, 4],
    ],
    [
      [0, 0, 0, 0],
      [2, 2, 9, 9],
      [2, 2, 9, 9],
    ],
  ]);
  expect(gatherMatched(tf.zeros<tf.Rank.R3>([2, 0, 4]), matched).shape).toEqual([2, 3, 4]);
});
