import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { objectLevel } from './object-level.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const levelsOf = (boxes: number[][], options: Parameters<typeof objectLevel>[1]): number[] =>
  tf.tidy(() => [...objectLevel(tf.tensor2d(boxes), options).dataSync()]);
const square = (side: number): number[] => [3, 5, 3 + side, 5 + side];

describe('objectLevel', () => {
  it('changes the level where the side doubles, and clamps at both ends', () => {
    const sides = [1, 55, 56, 111, 112, 223, 224, 447, 448, 10_000];
    expect(levelsOf(sides.map(square), { levels: 4, sides: 'plain' })).toEqual([0, 0, 0, 0, 1, 1, 2, 2, 3, 3]);
    expect(levelsOf(sides.map(square), { levels: 1, sides: 'plain' })).toEqual(sides.map(() => 0));
  });

  it('counts the last pixel in, unless sides are plain', () => {
    expect(levelsOf([square(111), square(110)], { levels: 3 })).toEqual([1, 0]);
    expect(levelsOf([square(111)], { levels: 3, sides: 'plain' })).toEqual([0]);
  });

  it('agrees with the formula in double precision', () => {
    const boxes = Array.from({ length: 400 }, (_, i) => [0, 0, 1 + ((i * 37) % 911), 1 + ((i * 101) % 773)]);
    const formula = ([, , w, h]: number[]): number =>
      Math.min(4, Math.max(0, Math.floor(Math.log2(Math.sqrt((w! + 1) * (h! + 1)) / 56 + 1e-6))));
    expect(levelsOf(boxes, { levels: 5 })).toEqual(boxes.map(formula));
  });

  it('puts boxes without an area on the finest level', () => {
    expect(
      levelsOf(
        [
          [0, 0, 0, 0],
          [9, 9, 4, 700],
        ],
        { levels: 3, sides: 'plain' },
      ),
    ).toEqual([0, 0]);
  });
});
