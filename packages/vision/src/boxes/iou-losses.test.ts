import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ciouLoss, diouLoss, giouLoss, iouLogLoss } from './iou-losses.js';
import { generalizedBoxIou } from './iou.js';

const side = fc.float({ min: 1, max: 100, noNaN: true });
const place = fc.float({ min: 0, max: 200, noNaN: true });
const box = fc.tuple(place, place, side, side).map(([x, y, w, h]) => [x, y, x + w, y + h].map(Math.fround));

describe.each([
  ['giou', giouLoss, 2],
  ['diou', diouLoss, 2],
  ['ciou', ciouLoss, 3],
] as const)('%s loss', (_, loss, top) => {
  it('is 0 with gradient 0 where the prediction is right', () => {
    const boxes = tf.tensor2d([
      [3, 4, 20, 30],
      [0, 0, 7, 7],
    ]);
    expect(Math.max(...loss(boxes, boxes).dataSync())).toBeLessThan(1e-6);
    const gradient = tf.grad((pred) => tf.sum(loss(pred, boxes)))(boxes);
    expect(Math.max(...tf.abs(gradient).dataSync())).toBeLessThan(1e-6);
  });

  it(`lies in [0, ${top}] for proper boxes`, () => {
    fc.assert(
      fc.property(box, box, (a, b) => {
        const value = tf.tidy(() => loss(tf.tensor2d([a]), tf.tensor2d([b])).dataSync()[0]!);
        expect(value).toBeGreaterThan(-1e-6);
        expect(value).toBeLessThan(top + 1e-6);
      }),
    );
  });

  it('keeps the leading axes and leaves no tensor behind', () => {
    const boxes = tf.ones([2, 3, 4]);
    const before = tf.memory().numTensors;
    const value = loss(boxes, boxes);
    expect(value.shape).toEqual([2, 3]);
    expect(tf.memory().numTensors).toBe(before + 1);
  });
});

it('the GIoU loss of a pair is 1 - its generalized IoU', () => {
  const [a, b] = [tf.tensor2d([[0, 0, 10, 10]]), tf.tensor2d([[20, 5, 30, 9]])];
  expect(giouLoss(a, b).dataSync()[0]).toBeCloseTo(1 - generalizedBoxIou(a, b).dataSync()[0]!, 6);
});

describe('with denominators raised to eps', () => {
  const pairs = [
    tf.tensor2d([
      [0, 0, 4, 4],
      [0, 0, 1, 1],
    ]),
    tf.tensor2d([
      [2, 0, 6, 4],
      [5, 5, 6, 6],
    ]),
  ] as const;

  it('the GIoU loss of proper boxes stays, and of boxes without area is finite', () => {
    const [plain, floored] = [false, true].map((floor) => giouLoss(...pairs, { eps: 1e-6, floor }).dataSync());
    floored!.forEach((value, i) => expect(value).toBeCloseTo(plain![i]!, 5));
    const point = tf.tensor2d([[3, 3, 3, 3]]);
    expect([...giouLoss(point, point, { eps: 1e-6, floor: true }).dataSync()]).toEqual([1]);
  });

  it('the IoU-log loss is -ln IoU, and 13.8 without gradient where nothing overlaps', () => {
    const [half, apart] = iouLogLoss(...pairs).dataSync();
    expect(half).toBeCloseTo(Math.log(3), 5);
    expect(apart).toBeCloseTo(-Math.log(1e-6), 4);
    const slopes = [
      ...tf
        .grad((pred) => tf.sum(iouLogLoss(pred, pairs[1])))(pairs[0])
        .dataSync(),
    ];
    expect(slopes.slice(0, 4).some((slope) => slope !== 0)).toBe(true);
    expect(slopes.slice(4)).toEqual([0, 0, 0, 0]);
  });
});
