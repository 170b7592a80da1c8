import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { cwdLoss } from './cwd-loss.js';

beforeAll(() => tf.setBackend('cpu'));

const cells = (...values: number[]): tf.Tensor4D => tf.tensor4d(values, [1, 1, values.length, 1]);
const loss = (student: tf.Tensor4D, teacher: tf.Tensor4D, temperature = 1): number =>
  cwdLoss([{ student, teacher }], { temperature }).dataSync()[0]!;
const slope = (student: tf.Tensor4D, teacher: tf.Tensor4D, temperature = 1): number[] => [
  ...tf
    .grad((x) => cwdLoss([{ student: x as tf.Tensor4D, teacher }], { temperature }))(student)
    .dataSync(),
];

describe('cwdLoss', () => {
  it('is the divergence of the distributions over the cells', () => {
    // 1/2, 1/2 against 1/4, 3/4.
    expect(loss(cells(0, Math.log(3)), cells(0, 0))).toBeCloseTo(0.5 * Math.log(4 / 3), 6);
    expect(loss(cells(0, 4 * Math.log(3)), cells(0, 0), 4)).toBeCloseTo(16 * 0.5 * Math.log(4 / 3), 5);
  });

  it('has the slope T (p - q) / (b c)', () => {
    const [a, b] = slope(cells(0, 2 * Math.log(3)), cells(0, 0), 2);
    expect(a).toBeCloseTo(2 * (0.25 - 0.5), 6);
    expect(b).toBeCloseTo(2 * (0.75 - 0.5), 6);
  });

  it('is 0 on maps that differ by a constant a channel, and on a level of one cell', () => {
    expect(loss(cells(7, 8, 9), cells(1, 2, 3))).toBeCloseTo(0, 6);
    expect(loss(cells(7), cells(1))).toBe(0);
    expect(slope(cells(7), cells(1))).toEqual([0]);
  });

  it('is finite where a plain exponential overflows', () => {
    expect(loss(cells(1e4, -1e4), cells(-1e4, 1e4))).toBeCloseTo(2e4, 0);
    expect(slope(cells(1e4, -1e4), cells(-1e4, 1e4))).toEqual([1, -1]);
  });

  it('adds up levels, of which there may be none, and refuses maps of two shapes', () => {
    const level = { student: cells(0, Math.log(3)), teacher: cells(0, 0) };
    expect(cwdLoss([level, level]).dataSync()[0]).toBeCloseTo(Math.log(4 / 3), 6);
    expect(cwdLoss([]).dataSync()[0]).toBe(0);
    expect(() => cwdLoss([{ student: cells(1, 2), teacher: cells(1) }])).toThrow(
      expect.objectContaining({ code: 'TAP_MISMATCH' }),
    );
  });
});
