import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { ldLoss, valuableRegion, type ValuableRegionOptions } from './index.js';

beforeAll(() => tf.setBackend('cpu'));

describe('ldLoss', () => {
  const logits = (seed: number): tf.Tensor => tf.randomNormal([3, 4, 5], 0, 2, 'float32', seed);
  const value = (...args: Parameters<typeof ldLoss>): number => tf.tidy(() => ldLoss(...args).dataSync()[0]!);

  /** The formula in float64 on plain arrays. */
  function reference(s: ArrayLike<number>, t: ArrayLike<number>, temperature: number, weights: number[]): number {
    const logSoftmax = (of: ArrayLike<number>, row: number): number[] => {
      const own = Array.from({ length: 5 }, (_, i) => of[row * 5 + i]! / temperature);
      const sum = own.reduce((total, x) => total + Math.exp(x), 0);
      return own.map((x) => x - Math.log(sum));
    };
    let total = 0;
    for (let row = 0; row < 12; row++) {
      const [p, q] = [logSoftmax(t, row), logSoftmax(s, row)];
      total += (weights[row >> 2]! * p.reduce((sum, x, i) => sum + Math.exp(x) * (x - q[i]!), 0)) / 5;
    }
    return (total * temperature ** 2) / 4;
  }

  it('is the divergence with the mean over bins, the sum over boxes and sides, over the sides of a box', () => {
    const [s, t] = [logits(1), logits(2)];
    expect(value(s, t)).toBeCloseTo(reference(s.dataSync(), t.dataSync(), 10, [1, 1, 1]), 5);
    const weights = [0.5, 0, 2];
    expect(value(s, t, { temperature: 3 }, { weights: tf.tensor1d(weights) })).toBeCloseTo(
      reference(s.dataSync(), t.dataSync(), 3, weights),
      4,
    );
    expect(value(s, t, {}, { averageFactor: 16 })).toBeCloseTo(value(s, t) / 4, 5);
  });

  it('is 0 with a gradient of 0 for what is the same, and for no box', () => {
    const s = logits(1);
    expect(value(s, s)).toBe(0);
    expect(tf.max(tf.abs(tf.grad((x) => ldLoss(x, s))(s))).dataSync()[0]).toBeLessThan(1e-7);
    expect(value(tf.zeros([0, 4, 5]), tf.zeros([0, 4, 5]))).toBe(0);
  });

  it('gives the teacher no gradient', () => {
    const [s, t] = tf.grads((s, t) => tf.add(ldLoss(s, t), tf.mul(tf.sum(t), 0)))([logits(1), logits(2)]);
    expect(tf.max(tf.abs(s!)).dataSync()[0]).toBeGreaterThan(0);
    expect(tf.max(tf.abs(t!)).dataSync()[0]).toBe(0);
  });

  it.each([
    [
      [3, 4, 5],
      [3, 4, 6],
    ],
    [
      [3, 5],
      [3, 5],
    ],
  ])('refuses logits of %j and %j', (s, t) => {
    expect(() => ldLoss(tf.zeros(s), tf.zeros(t))).toThrow(/the sides of a box|4 sides/);
  });

  it('refuses a temperature of 0', () => {
    expect(() => ldLoss(logits(1), logits(2), { temperature: 0 })).toThrow(/temperature/);
  });
});

describe('valuableRegion', () => {
  /** Four anchors of 16 pixels side by side, 8 apart. */
  const anchors = (): tf.Tensor2D => tf.tensor2d([0, 8, 16, 24].map((x) => [x, 0, x + 16, 16]));
  const region = (boxes: number[][], on: number[], more: Partial<ValuableRegionOptions> = {}): number[] =>
    tf.tidy(() => [
      ...valuableRegion(anchors(), tf.tensor3d(boxes.flat(), [1, boxes.length, 4]), tf.tensor2d([on]), {
        perLevel: [4],
        ...more,
      }).dataSync(),
    ]);

  // Box 0..16: IoUs 1, 1/3, 0, 0 with mean 1/3 and deviation 0.4714; the threshold is 0.8047.
  // Distance-IoUs: 1; 1/3 - 64 / (24² + 16²) = 0.2564; below 0 further on.
  it('takes the anchors around an object, not those that answer for it', () => {
    const got = region([[0, 0, 16, 16]], [1]);
    expect(got[1]).toBeCloseTo(1 / 3, 6);
    expect([got[0], got[2], got[3]]).toEqual([0, 0, 0]);
    expect(region([[0, 0, 16, 16]], [1], { lower: 0.35 })).toEqual([0, 0, 0, 0]);
  });

  // Over the anchor's area the second anchor has 1/2 - 0.0769 = 0.4231, at least 0.5 · 0.8047.
  it('measures the overlap over the area of the anchor when asked to', () => {
    expect(region([[0, 0, 16, 16]], [1], { lower: 0.5 })).toEqual([0, 0, 0, 0]);
    expect(region([[0, 0, 16, 16]], [1], { lower: 0.5, overlap: 'iof' })[1]).toBeCloseTo(1 / 3, 6);
  });

  it('keeps the largest of several boxes, times what they count', () => {
    const two = [
      [0, 0, 16, 16],
      [24, 0, 40, 16],
    ];
    const values = tf.tensor2d([[0.5, 1]]);
    const [, left, right] = region(two, [1, 1], { values });
    expect(left).toBeCloseTo(1 / 6, 6);
    expect(right).toBeCloseTo(1 / 3, 6);
    expect(region(two, [0, 1])[1]).toBe(0);
  });

  it.each([
    ['no row', [], []],
    ['padding alone', [[0, 0, 0, 0]], [0]],
    ['a box without area', [[8, 8, 8, 8]], [1]],
    ['a box outside', [[500, 500, 510, 510]], [1]],
    ['a box upside down', [[16, 16, 0, 0]], [1]],
  ])('stays empty, and finite, with %s', (_, boxes, on) => {
    for (const overlap of ['iou', 'iof'] as const) expect(region(boxes, on, { overlap })).toEqual([0, 0, 0, 0]);
  });

  it('takes levels of a single anchor, and no more candidates than a level has', () => {
    // Its own IoU of 1/4 is the threshold, of which the distance-IoU has less.
    const one = valuableRegion(tf.tensor2d([[0, 0, 16, 16]]), tf.tensor3d([[[4, 4, 12, 12]]]), tf.ones([1, 1]), {
      perLevel: [1],
    });
    expect([...one.dataSync()]).toEqual([0]);
    const shifted = valuableRegion(tf.tensor2d([[0, 0, 16, 16]]), tf.tensor3d([[[0, 0, 8, 8]]]), tf.ones([1, 1]), {
      perLevel: [1],
    });
    expect(shifted.dataSync()[0]).toBe(0.25);
  });

  it('refuses levels that do not add up', () => {
    expect(() => region([[0, 0, 16, 16]], [1], { perLevel: [3] })).toThrow(/4 anchors and levels of 3/);
  });
});
