import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { cropPool } from './crop-pool.js';

beforeAll(() => tf.setBackend('cpu'));

/** Channel 0 counts the cells row by row, channel 1 is 10. */
const map = (): tf.Tensor4D =>
  tf.stack([tf.reshape(tf.range(0, 24), [2, 3, 4]), tf.fill([2, 3, 4], 10)], -1) as tf.Tensor4D;
const pooled = (boxes: number[][][]): number[][][] => cropPool(map(), tf.tensor3d(boxes), 8).arraySync();

describe('cropPool', () => {
  it('averages the cells from one corner to the other, both included, image by image', () => {
    // Columns 0 to 1, rows 1 to 2: cells 4, 5, 8, 9.
    expect(pooled([[[0, 8, 15.9, 23]], [[0, 8, 15.9, 23]]])).toEqual([[[6.5, 10]], [[18.5, 10]]]);
  });

  it.each([
    ['without area', [9, 9, 9, 9], 5],
    ['upside down', [20, 20, 9, 9], 10],
    ['left of the map', [-50, -50, -20, -20], 0],
    ['beyond its end', [100, 100, 120, 120], 11],
    ['around it', [-50, -50, 500, 500], 5.5],
  ])('clamps a box %s to at least one cell', (_, box, value) => {
    expect(pooled([[box], [box]])[0]![0]![0]).toBeCloseTo(value, 5);
  });

  it('gives every cell of the crop its part of the gradient', () => {
    const boxes = tf.tensor3d([[[0, 8, 15.9, 23]], [[0, 0, 1, 1]]]);
    const gradient = tf.grad((x: tf.Tensor) => tf.sum(cropPool(x as tf.Tensor4D, boxes, 8)))(map()) as tf.Tensor4D;
    const first = [...tf.slice(gradient, [0, 0, 0, 0], [2, 3, 4, 1]).dataSync()];
    expect(first).toEqual([0, 0, 0, 0, 0.25, 0.25, 0, 0, 0.25, 0.25, 0, 0, 1, ...Array<number>(11).fill(0)]);
  });

  it('takes the ratio of the map to the padded input, too', () => {
    const boxes = tf.tensor3d([
      [
        [0, 8, 15.9, 23],
        [31, 0, 40, 9],
      ],
      [
        [0, 0, 47, 23],
        [12, 0, 12, 0],
      ],
    ]);
    // Cells of 12 x 8 pixels: columns 0 to 1, rows 1 to 2; columns 2 to 3, rows 0 to 1; everything; cell 1.
    const values = cropPool(map(), boxes, { input: [24, 48] })
      .arraySync()
      .flat()
      .map(([value]) => value!);
    [6.5, 4.5, 17.5, 13].forEach((value, i) => expect(values[i]).toBeCloseTo(value, 4));
  });

  it('is the same where the matrix of crops is cut into blocks', () => {
    const maps = tf.randomUniform([2, 5, 7, 3], -1, 1, 'float32', 3) as tf.Tensor4D;
    const boxes = Array.from({ length: 2 }, (_, i) =>
      Array.from({ length: 5 }, (__, j) => [i + j, j, i + 2 * j + 1, j + i + 1]),
    );
    const upstream = tf.randomUniform([2, 5, 3], -1, 1, 'float32', 4);
    const run = (blockElements?: number): number[][] =>
      tf.tidy(() => {
        const { value, grad } = tf.valueAndGrad((x: tf.Tensor) =>
          tf.sum(
            tf.mul(
              tf.tidy(() => cropPool(x as tf.Tensor4D, tf.tensor3d(boxes), 1, blockElements)),
              upstream,
            ),
          ),
        )(maps);
        return [[...value.dataSync()], [...grad.dataSync()]];
      });
    const [[value], slope] = run() as [number[], number[]];
    for (const elements of [1, 2 * 35, 2 * 35 * 3]) {
      const [[other], gradient] = run(elements) as [number[], number[]];
      expect(other).toBeCloseTo(value!, 5);
      gradient.forEach((one, i) => expect(one).toBeCloseTo(slope[i]!, 6));
    }
  });

  it('pools no boxes to nothing', () => expect(cropPool(map(), tf.zeros([2, 0, 4]), 8).shape).toEqual([2, 0, 2]));
});
