import * as tf from '@tensorflow/tfjs-core';
import { cpuEngine } from '@kd/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectNoLeaks } from '../../test/live-tensors.js';
import { resampleMap } from './resample-map.js';

beforeAll(() => cpuEngine().start());
expectNoLeaks();

const grid = (stride: number, ...imageSizes: (readonly [number, number])[]) => ({ stride, imageSizes });
const values = (map: tf.Tensor): number[] => {
  const read = [...map.dataSync()];
  map.dispose();
  return read;
};

describe('a map at the cells of another', () => {
  it.each([
    [8, [8, 12]],
    [32, [2, 3]],
  ] as const)('is the bilinear resize of half-pixel centres, from stride 16 to %i', (stride, cells) => {
    const map = tf.randomNormal<tf.Rank.R4>([2, 4, 6, 3], 0, 1, 'float32', 1);
    const size = [64, 96] as const;
    const expected = values(tf.image.resizeBilinear(map, [cells[0], cells[1]], false, true));
    const got = values(resampleMap(map, grid(16, size, size), grid(stride, size, size), cells));
    got.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
    map.dispose();
  });

  it('is the map itself where cells are the same, whatever the units of the pixels', () => {
    const map = tf.randomNormal<tf.Rank.R4>([1, 4, 4, 2], 0, 1, 'float32', 1);
    const expected = [...map.dataSync()];
    expect(values(resampleMap(map, grid(14, [56, 56]), grid(16, [64, 64]), [4, 4]))).toEqual(expected);
    map.dispose();
  });

  it('follows the image of each: one is stretched, the other keeps its sides and is padded', () => {
    // Columns count up over the width. The student's image takes the left half of its padded width alone.
    const map = tf.tensor4d([0, 1, 2, 3], [1, 1, 4, 1]);
    const got = values(resampleMap(map, grid(8, [8, 32]), grid(8, [8, 16]), [1, 4]));
    expect(got).toEqual([0.5, 2.5, 3, 3]);
    map.dispose();
  });

  it('has a place of its own for every image of a batch', () => {
    const map = tf.tensor4d([0, 1, 2, 3, 0, 1, 2, 3], [2, 1, 4, 1]);
    const got = values(resampleMap(map, grid(8, [8, 32], [8, 32]), grid(8, [8, 32], [8, 16]), [1, 4]));
    expect(got).toEqual([0, 1, 2, 3, 0.5, 2.5, 3, 3]);
    map.dispose();
  });
});
