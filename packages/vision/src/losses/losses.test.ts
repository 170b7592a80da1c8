import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  absolute,
  bceWithLogits,
  crossEntropy,
  l1Loss,
  sigmoidFocalLoss,
  sigmoidFocalLossSum,
  smoothL1Loss,
} from './index.js';

const numbers = (x: tf.Tensor): number[] => Array.from(x.dataSync());
const slopes = (loss: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor): number[] =>
  numbers(tf.grad((v) => tf.sum(loss(v)))(x));

describe('L1', () => {
  it('has gradient 0 where nothing is missing', () => {
    expect(slopes(absolute, tf.tensor1d([-2, 0, 3]))).toEqual([-1, 0, 1]);
    const [pred, target] = [tf.tensor1d([1, 2, 3]), tf.tensor1d([1, 5, 0])];
    expect(numbers(l1Loss(pred, target))).toEqual([0, 3, 3]);
    expect(slopes((x) => l1Loss(x, target), pred)).toEqual([0, -1, 1]);
    expect(slopes((x) => smoothL1Loss(x, target, 0), pred)).toEqual([0, -1, 1]);
  });

  it('is smooth below beta, and its slope joins at beta', () => {
    const target = tf.zeros([5]);
    const x = tf.tensor1d([0, 0.25, 0.5, -0.5, -4]);
    expect(numbers(smoothL1Loss(x, target, 0.5))).toEqual([0, 0.0625, 0.25, 0.25, 3.75]);
    expect(slopes((v) => smoothL1Loss(v, target, 0.5), x)).toEqual([0, 0.5, 1, -1, -1]);
  });
});

describe('binary losses', () => {
  const logit = fc.float({ min: -100, max: 100, noNaN: true });
  const soft = fc.float({ min: 0, max: 1, noNaN: true });

  it('are finite and not negative for every logit, with finite gradients', () => {
    fc.assert(
      fc.property(logit, soft, fc.constantFrom(0, 0.5, 1, 1.5, 2), fc.constantFrom(-1, 0.25), (x, t, gamma, alpha) => {
        tf.tidy(() => {
          const [logits, targets] = [tf.tensor1d([x, x, x]), tf.tensor1d([0, 1, t])];
          for (const loss of [
            (v: tf.Tensor) => bceWithLogits(v, targets),
            (v: tf.Tensor) => sigmoidFocalLoss(v, targets, { alpha, gamma }),
          ]) {
            expect(numbers(loss(logits)).every((v) => Number.isFinite(v) && v >= -1e-6)).toBe(true);
            expect(slopes(loss, logits).every(Number.isFinite)).toBe(true);
          }
        });
      }),
    );
  });

  it('focal loss with gamma 0 and no alpha is the cross-entropy', () => {
    const [x, t] = [tf.tensor1d([-3, 0, 2, 40]), tf.tensor1d([1, 0.5, 0, 0.25])];
    const plain = (v: tf.Tensor): tf.Tensor => sigmoidFocalLoss(v, t, { alpha: -1, gamma: 0 });
    expect(numbers(plain(x))).toEqual(numbers(bceWithLogits(x, t)));
    expect(slopes(plain, x)).toEqual(slopes((v) => bceWithLogits(v, t), x));
  });

  it('focal slopes are those of the value', () => {
    fc.assert(
      fc.property(fc.float({ min: -4, max: 4, noNaN: true }), soft, fc.constantFrom(0.5, 1, 2, 3), (x, t, gamma) => {
        const value = (v: number): number => {
          const p = 1 / (1 + Math.exp(-v));
          const miss = p + t - 2 * p * t;
          return (
            (0.25 * t + 0.75 * (1 - t)) * (Math.max(v, 0) - v * t + Math.log1p(Math.exp(-Math.abs(v)))) * miss ** gamma
          );
        };
        const [slope] = tf.tidy(() =>
          slopes((v) => sigmoidFocalLoss(v, tf.tensor1d([t]), { gamma }), tf.tensor1d([x])),
        );
        expect(slope).toBeCloseTo((value(x + 1e-4) - value(x - 1e-4)) / 2e-4, 3);
      }),
    );
  });
});

describe('sigmoidFocalLossSum', () => {
  const [b, n, k] = [2, 1100, 64]; // several chunks, one of them over the border of the images
  const logits = tf.randomNormal([b, n, k], -2, 3, 'float32', 1) as tf.Tensor3D;
  const labels = tf.tensor2d(
    Int32Array.from({ length: b * n }, (_, i) => [-1, -2, 0, 63, -1, 2, -1][i % 7]!),
    [b, n],
  );

  it.each([
    [0.25, 2],
    [-1, 1.5],
    [0.5, 0],
  ])('equals the sum of the elementwise loss (alpha %d, gamma %d)', (alpha, gamma) => {
    const targets = tf.oneHot(labels, k, 1, 0, 'float32');
    const counted = tf.cast(tf.greaterEqual(labels, -1), 'float32');
    const weights = tf.tensor1d([1, 3]);
    const elementwise = (x: tf.Tensor): tf.Tensor =>
      tf.mul(tf.sum(tf.mul(tf.sum(sigmoidFocalLoss(x, targets, { alpha, gamma }), 2), counted), 1), weights);
    const summed = (x: tf.Tensor): tf.Tensor =>
      tf.mul(sigmoidFocalLossSum(x as tf.Tensor3D, labels, { alpha, gamma }), weights);
    const [expected, actual] = [numbers(elementwise(logits)), numbers(summed(logits))];
    actual.forEach((v, i) => expect(Math.abs(v / expected[i]! - 1)).toBeLessThan(1e-5));
    const [right, own] = [slopes(elementwise, logits), slopes(summed, logits)];
    const largest = right.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    expect(own.reduce((most, v, i) => Math.max(most, Math.abs(v - right[i]!)), 0) / largest).toBeLessThan(3e-7);
  });

  it('takes a single class', () => {
    const x = tf.tensor3d([[[0.5], [-2], [1]]]);
    const one = tf.tensor2d([[0, -1, -2]], [1, 3], 'int32');
    const expected = sigmoidFocalLoss(tf.tensor1d([0.5, -2]), tf.tensor1d([1, 0]));
    expect(numbers(sigmoidFocalLossSum(x, one))[0]).toBeCloseTo(tf.sum(expected).dataSync()[0]!, 6);
    expect(slopes((v) => sigmoidFocalLossSum(v as tf.Tensor3D, one), x)[2]).toBe(0);
    expect(numbers(crossEntropy(tf.tensor2d([[3]]), tf.tensor1d([0], 'int32')))).toEqual([-0]);
  });

  it('leaves nothing behind, and refuses labels of another shape', () => {
    const before = tf.memory().numTensors;
    tf.dispose(tf.valueAndGrad((x) => tf.sum(sigmoidFocalLossSum(x as tf.Tensor3D, labels)))(logits));
    expect(tf.memory().numTensors).toBe(before);
    expect(() => sigmoidFocalLossSum(logits, tf.zeros([n, b], 'int32'))).toThrow(/labels have the first two axes/);
    expect(numbers(sigmoidFocalLossSum(tf.zeros([2, 0, 3]), tf.zeros([2, 0], 'int32')))).toEqual([0, 0]);
  });
});

it('cross-entropy counts no row whose label is out of range', () => {
  const logits = tf.tensor2d([
    [1, 2, 3],
    [0, 0, 0],
    [5, 1, 1],
  ]);
  const [a, b, c] = numbers(crossEntropy(logits, tf.tensor1d([2, -1, 0], 'int32')));
  expect(a).toBeCloseTo(Math.log(1 + Math.exp(-1) + Math.exp(-2)), 5);
  expect(b).toBeCloseTo(0, 9);
  expect(c).toBeCloseTo(Math.log(1 + 2 * Math.exp(-4)), 5);
});
