import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { alignScale } from './index.js';
import { perCell } from './row-weights.js';

beforeAll(() => tf.setBackend('cpu'));

const normal = (shape: [number, number, number, number], seed: number): tf.Tensor4D =>
  tf.randomNormal(shape, 0, 1, 'float32', seed);
const values = (tensor: tf.Tensor): number[] => Array.from(tensor.dataSync());
const largest = (tensor: tf.Tensor): number => Math.max(...values(tensor).map(Math.abs));

describe('alignScale', () => {
  const [student, teacher, upstream] = [
    [2, 3, 4, 3],
    [2, 3, 4, 3],
    [2, 3, 4, 3],
  ].map((shape, seed) => normal(shape as [2, 3, 4, 3], seed + 1)) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];

  it('gives the mean and deviation of the teacher, whatever the student is scaled and shifted by', () => {
    const aligned = alignScale(student, teacher);
    const moments = ({ mean, variance }: { mean: tf.Tensor; variance: tf.Tensor }) => [
      ...values(mean),
      ...values(variance),
    ];
    moments(tf.moments(aligned, [0, 1, 2])).forEach((value, i) =>
      expect(value).toBeCloseTo(moments(tf.moments(teacher, [0, 1, 2]))[i]!, 5),
    );
    const moved = alignScale(tf.add(tf.mul(student, tf.tensor1d([3, 0.5, 7])), tf.tensor1d([1, -2, 0.3])), teacher);
    expect(largest(tf.sub(moved, aligned))).toBeLessThan(1e-4);
  });

  it('has a gradient that sums to 0 in each channel and is orthogonal to the centred student', () => {
    const gradient = tf.grad((x: tf.Tensor) => tf.sum(tf.mul(alignScale(x as tf.Tensor4D, teacher), upstream)))(
      student,
    );
    expect(largest(gradient)).toBeGreaterThan(0.1);
    expect(largest(tf.sum(gradient, [0, 1, 2]))).toBeLessThan(1e-4);
    expect(
      largest(tf.sum(tf.mul(gradient, tf.sub(student, tf.mean(student, [0, 1, 2], true))), [0, 1, 2])),
    ).toBeLessThan(1e-4);
  });

  it('refuses maps that it cannot compare', () => {
    expect(() => alignScale(student, normal([2, 3, 4, 2], 1))).toThrow(/\[2, 3, 4, 3\].*\[2, 3, 4, 2\]/);
    expect(() => alignScale(normal([1, 1, 1, 3], 1), normal([1, 1, 1, 3], 2))).toThrow(/one cell/);
  });
});

describe('perCell', () => {
  it("gives every prior of a cell the largest weight of its student's", () => {
    const rows = tf.tensor2d([
      [0, 1, 0, 0],
      [1, 1, 0, 1],
    ]);
    expect(values(perCell(rows, 2, 3))).toEqual([1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
    expect(perCell(rows, 2, 2)).toBe(rows);
    expect(values(perCell(rows, 2, 1))).toEqual([1, 0, 1, 1]);
  });
});
