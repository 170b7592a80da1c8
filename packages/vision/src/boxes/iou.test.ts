import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boxIou, generalizedBoxIou } from './iou.js';

const side = fc.float({ min: 0.5, max: 200, noNaN: true });
const place = fc.float({ min: -100, max: 300, noNaN: true });
const box = fc.tuple(place, place, side, side).map(([x, y, w, h]) => [x, y, x + w, y + h].map(Math.fround));
const boxes = fc.array(box, { minLength: 1, maxLength: 6 });

describe('boxIou', () => {
  it('lies in [0, 1], is symmetric, and is 1 with itself', () => {
    fc.assert(
      fc.property(boxes, boxes, (a, b) => {
        const [ab, ba, aa] = tf.tidy(() => {
          const [x, y] = [tf.tensor2d(a), tf.tensor2d(b)];
          return [boxIou(x, y).dataSync(), tf.transpose(boxIou(y, x)).dataSync(), boxIou(x, x).arraySync()] as const;
        });
        expect([...ab]).toEqual([...ba]);
        expect(ab.every((v) => v >= 0 && v <= 1 + 1e-6)).toBe(true);
        aa.forEach((row, i) => expect(row[i]).toBeCloseTo(1, 5));
      }),
    );
  });

  it('is 0 for boxes that only touch and NaN for two boxes without area', () => {
    const a = tf.tensor2d([
      [0, 0, 10, 10],
      [5, 5, 5, 5],
    ]);
    const b = tf.tensor2d([
      [10, 0, 20, 10],
      [7, 7, 7, 7],
      [0, 0, 5, 10],
    ]);
    expect(boxIou(a, b).arraySync()).toEqual([
      [0, 0, 0.5],
      [0, NaN, 0],
    ]);
  });

  it('pairs the boxes of every image with the same anchors, or with its own', () => {
    const a = tf.tensor3d([
      [
        [0, 0, 10, 10],
        [0, 0, 4, 4],
      ],
      [
        [5, 0, 15, 10],
        [2, 2, 6, 6],
      ],
    ]); // [2, 2, 4]
    const b = tf.tensor2d([
      [0, 0, 10, 10],
      [0, 0, 10, 20],
      [5, 0, 15, 10],
    ]); // [3, 4]
    const shared = boxIou(a, b);
    expect(shared.shape).toEqual([2, 2, 3]);
    const own = boxIou(a, tf.stack([b, b]) as tf.Tensor3D);
    expect(own.arraySync()).toEqual(shared.arraySync());
    for (const i of [0, 1])
      expect(tf.gather(shared, i).arraySync()).toEqual(
        boxIou(tf.gather(a, i) as unknown as tf.Tensor2D, b).arraySync(),
      );
  });

  it('has gradients for batched boxes, summed over the anchors that they are paired with', () => {
    const a = tf.tensor3d([[[0, 0, 8, 10]], [[3, 1, 9, 6]]]);
    const b = tf.tensor2d([
      [1, 2, 10, 12],
      [2, 0, 7, 5],
    ]);
    const gradient = tf.grad((x) => tf.sum(boxIou(x, b)))(a);
    expect(gradient.shape).toEqual([2, 1, 4]);
    const at = (delta: number, i: number): number =>
      tf.sum(boxIou(tf.add(a, tf.mul(tf.reshape(tf.oneHot(i, 8), [2, 1, 4]), delta)) as tf.Tensor3D, b)).dataSync()[0]!;
    [...gradient.dataSync()].forEach((g, i) => expect(g).toBeCloseTo((at(1e-2, i) - at(-1e-2, i)) / 2e-2, 3));
  });

  it('refuses what is no list of boxes', () => {
    expect(() => boxIou(tf.zeros([2, 3]), tf.zeros([2, 4]))).toThrow(/\[\.\.\., 4\].*not \[2, 3\]/);
  });
});

describe('generalizedBoxIou', () => {
  it('lies in [-1, 1], never above the IoU, and equals it for nested boxes', () => {
    fc.assert(
      fc.property(boxes, boxes, (a, b) => {
        const [iou, giou] = tf.tidy(
          () =>
            [
              boxIou(tf.tensor2d(a), tf.tensor2d(b)).dataSync(),
              generalizedBoxIou(tf.tensor2d(a), tf.tensor2d(b)).dataSync(),
            ] as const,
        );
        giou.forEach((g, i) => expect(g >= -1 && g <= iou[i]! + 1e-6).toBe(true));
      }),
    );
    const nested = [tf.tensor2d([[0, 0, 10, 10]]), tf.tensor2d([[2, 2, 4, 7]])] as const;
    expect(generalizedBoxIou(...nested).dataSync()[0]).toBeCloseTo(boxIou(...nested).dataSync()[0]!, 6);
  });
});
