import '@tensorflow/tfjs-backend-cpu';
import { createRng } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { objectMask } from './object-mask.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

type Box = readonly [number, number, number, number];

/** Box by box, as the rule reads. */
function boxByBox(
  boxes: readonly Box[],
  values: readonly number[],
  stride: number,
  height: number,
  width: number,
): number[] {
  const map = new Array<number>(height * width).fill(0);
  boxes.forEach(([x1, y1, x2, y2], i) => {
    const [left, top] = [Math.max(Math.trunc(x1 / stride), 0), Math.max(Math.trunc(y1 / stride), 0)];
    const [right, bottom] = [Math.min(Math.trunc(x2 / stride), width), Math.min(Math.trunc(y2 / stride), height)];
    if (left >= width || top >= height || x2 < 0 || y2 < 0) return;
    if (right <= left || bottom <= top) map[top * width + left] = Math.max(map[top * width + left]!, values[i]!);
    for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) map[y * width + x] = values[i]!;
  });
  return map;
}

function masked(
  images: readonly (readonly Box[])[],
  values: readonly (readonly number[])[] | null,
  [stride, height, width]: readonly [number, number, number],
  on?: number[][],
): number[][] {
  return tf.tidy(() => {
    const flags = tf.tensor2d(on ?? images.map((boxes) => boxes.map(() => 1)));
    const mask = objectMask(tf.tensor3d(images as unknown as number[][][]), flags, {
      stride,
      height,
      width,
      ...(values && { values: tf.tensor2d(values as number[][]) }),
    });
    expect(mask.shape).toEqual([images.length, height, width]);
    return tf.unstack(tf.reshape(mask, [images.length, -1])).map((image) => [...image.dataSync()]);
  });
}

describe('objectMask', () => {
  it('fills the cells that a box covers, without those at its end', () => {
    expect(masked([[[8, 0, 24, 9]]], null, [8, 2, 4])).toEqual([[0, 1, 1, 0, 0, 0, 0, 0]]);
  });

  it('lets later boxes overwrite earlier ones, and a box of one cell only raise it', () => {
    const boxes: Box[] = [
      [0, 0, 32, 16],
      [16, 0, 32, 16],
      [0, 0, 3, 3],
      [8, 8, 9, 9],
      [8, 0, 24, 8],
    ];
    expect(masked([boxes], [[0.5, 0.25, 0.75, 0.25, 0.125]], [8, 2, 4])).toEqual([
      [0.75, 0.125, 0.125, 0.25, 0.5, 0.5, 0.25, 0.25],
    ]);
  });

  it('leaves no mark of boxes that miss the map or are off', () => {
    const boxes: Box[] = [
      [32, 0, 40, 8],
      [0, 16, 8, 24],
      [-9, 0, -1, 8],
      [0, -9, 8, -1],
      [0, 0, 16, 16],
    ];
    expect(masked([boxes], null, [8, 2, 4], [[1, 1, 1, 1, 0]])).toEqual([new Array(8).fill(0)]);
    expect(masked([[[-20, -20, 9, 9]]], null, [8, 2, 4])[0]).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('agrees with the rule box by box, for more boxes than a number has bits', () => {
    const rng = createRng(4, 'boxes');
    const [stride, height, width] = [4, 9, 13];
    const images = Array.from({ length: 3 }, () =>
      Array.from({ length: 83 }, (): Box => {
        const [x, y] = [rng.uniform() * 62 - 6, rng.uniform() * 46 - 6];
        const largest = rng.uniform() < 0.5 ? 5 : 30;
        return [x, y, x + rng.uniform() * largest, y + rng.uniform() * largest].map(Math.fround) as unknown as Box;
      }),
    );
    const values = images.map((boxes) => boxes.map(() => Math.fround(rng.uniform())));
    const expected = images.map((boxes, i) => boxByBox(boxes, values[i]!, stride, height, width));
    expect(masked(images, values, [stride, height, width])).toEqual(expected);
    expect(expected.flat().filter((value) => value > 0).length).toBeGreaterThan(150);
  });

  it('is empty without boxes', () => {
    const mask = objectMask(tf.zeros([2, 0, 4]), tf.zeros([2, 0]), { stride: 8, height: 2, width: 3 });
    expect(mask.shape).toEqual([2, 2, 3]);
    expect([...mask.dataSync()]).toEqual(new Array(12).fill(0));
  });
});
