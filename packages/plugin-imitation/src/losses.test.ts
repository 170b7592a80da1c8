import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { decoupledKl, decoupledLoss, imitationLoss } from './index.js';

beforeAll(() => tf.setBackend('cpu'));

/** Two cells of two channels; squares 1 + 4 and 9 + 0. */
const maps = (mask: number[]) => ({
  student: tf.tensor4d([1, 2, 3, 0], [1, 1, 2, 2]),
  teacher: tf.zeros<tf.Rank.R4>([1, 1, 2, 2]),
  mask: tf.tensor3d(mask, [1, 1, 2]),
});
const value = (loss: tf.Scalar): number => loss.dataSync()[0]!;

describe('imitationLoss', () => {
  it('sums over the channels in the original, and takes means in the pyramid', () => {
    expect(value(imitationLoss([maps([1, 1])], 'original'))).toBeCloseTo(14 / 4, 6);
    expect(value(imitationLoss([maps([1, 0]), maps([0, 1])], 'original'))).toBeCloseTo(5 / 2 + 9 / 2, 6);
    expect(value(imitationLoss([maps([1, 0]), maps([0, 1])], 'pyramid'))).toBeCloseTo((5 / 4 + 9 / 4) / 2, 6);
  });

  it.each(['original', 'pyramid'] as const)('is 0 with a gradient of 0 without a cell, %s', (variant) => {
    const one = maps([0, 0]);
    const { value: loss, grad } = tf.valueAndGrad((x: tf.Tensor) =>
      imitationLoss([{ ...one, student: x as tf.Tensor4D }], variant),
    )(one.student);
    expect([value(loss as tf.Scalar), ...grad.dataSync()]).toEqual([0, 0, 0, 0, 0]);
    expect(value(imitationLoss([], variant))).toBe(0);
  });
});

describe('decoupledLoss', () => {
  const parts = (...levels: Parameters<typeof decoupledLoss>[0]): [number, number] => {
    const { foreground, background } = decoupledLoss(levels);
    return [value(foreground), value(background)];
  };

  it('averages objects and background apart, then the levels', () => {
    expect(parts(maps([1, 0]))).toEqual([5 / 4, 9 / 4]);
    expect(parts(maps([1, 0]), maps([0, 0]))).toEqual([5 / 8, (9 / 4 + 14 / 8) / 2]);
    expect(parts(maps([1, 1]))).toEqual([14 / 8, 0]);
  });

  it('counts cells by their values, and leaves the background as it is', () => {
    const [foreground, background] = parts({ ...maps([1, 1]), values: tf.tensor3d([1, 0.5], [1, 1, 2]) });
    expect(foreground).toBeCloseTo((5 + 9 / 2) / 6, 6);
    expect(background).toBe(0);
    expect(parts({ ...maps([1, 0]), values: tf.tensor3d([0, 0], [1, 1, 2]) })).toEqual([0, 9 / 4]);
  });
});

describe('decoupledKl', () => {
  const [logits, target] = [
    () =>
      tf.tensor2d([
        [2, 0],
        [0, 1],
        [5, 5],
      ]),
    () =>
      tf.tensor2d([
        [0, 2],
        [1, 1],
        [0, 9],
      ]),
  ];
  const settings = { temperatureForeground: 2, temperatureBackground: 1 };

  it('is 0 with a gradient of 0 where a kind is missing, and leaves rows of neither kind out', () => {
    const none = tf.zeros([3]);
    const terms = decoupledKl(logits(), target(), { foreground: none, background: none }, settings);
    expect([value(terms.foreground), value(terms.background)]).toEqual([0, 0]);
    const gradient = tf.grad(
      (x: tf.Tensor) =>
        decoupledKl(x, target(), { foreground: tf.tensor1d([1, 0, 0]), background: none }, settings).foreground,
    )(logits());
    expect([...gradient.dataSync()].slice(2).map(Math.abs)).toEqual([0, 0, 0, 0]);
    expect(gradient.dataSync()[0]).not.toBe(0);
  });

  it('weighs regions with an object, and divides by their number', () => {
    const rows = { foreground: tf.tensor1d([1, 1, 0]), background: tf.tensor1d([0, 0, 1]) };
    const whole = value(decoupledKl(logits(), target(), rows, settings).foreground);
    const first = value(
      decoupledKl(logits(), target(), { ...rows, values: tf.tensor1d([1, 0, 0]) }, settings).foreground,
    );
    const second = value(
      decoupledKl(logits(), target(), { ...rows, values: tf.tensor1d([0, 1, 0]) }, settings).foreground,
    );
    expect(first + second).toBeCloseTo(whole, 6);
    expect(first).toBeGreaterThan(0);
  });
});
