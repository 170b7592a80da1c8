import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { clipBoxes } from './clip.js';
import { resizeBoxes } from './resize.js';
import { largeEnough } from './small.js';

it('clips x to the width and y to the height, by image where sizes differ', () => {
  const wild = [
    [-5, -6, 200, 300],
    [10, 20, 30, 40],
  ];
  expect(clipBoxes(tf.tensor2d(wild), [50, 100]).arraySync()).toEqual([
    [0, 0, 100, 50],
    [10, 20, 30, 40],
  ]);
  expect(
    clipBoxes(tf.tensor3d([wild, wild]), [
      [50, 100],
      [30, 25],
    ]).arraySync(),
  ).toEqual([
    [
      [0, 0, 100, 50],
      [10, 20, 30, 40],
    ],
    [
      [0, 0, 25, 30],
      [10, 20, 25, 30],
    ],
  ]);
});

it('resizes each axis by its own quotient', () => {
  expect(resizeBoxes(tf.tensor2d([[10, 10, 20, 30]]), [100, 200], [50, 600]).arraySync()).toEqual([[30, 5, 60, 15]]);
});

it('keeps boxes whose sides reach the minimum, equality included unless told', () => {
  const boxes = tf.tensor2d([
    [0, 0, 2, 2],
    [0, 0, 1.9, 9],
    [0, 0, 9, 1.9],
    [5, 5, 3, 9],
    [0, 0, 2.1, 2.1],
  ]);
  expect([...largeEnough(boxes, 2).dataSync()]).toEqual([1, 0, 0, 0, 1]);
  expect([...largeEnough(boxes, 2, false).dataSync()]).toEqual([0, 0, 0, 0, 1]);
});
