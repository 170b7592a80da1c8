import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { kdLoss, rkdLoss } from './index.js';

beforeAll(() => tf.setBackend('cpu'));

const values = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];
const normal = (rows: number, width: number, seed: number): tf.Tensor2D =>
  tf.randomNormal([rows, width], 0, 1, 'float32', seed);

describe('kdLoss', () => {
  const [logits, target] = [() => normal(4, 3, 1), () => normal(4, 3, 2)];

  it.each([
    { loss: 'softmax' },
    { loss: 'softmax', reduction: 'mean' },
    { loss: 'softmax', reduction: 'classmean-weighted' },
    { loss: 'sigmoid', temperature: 3 },
    { loss: 'qfl' },
  ] as const)('leaves rows off the mask out, and is 0 with a gradient of 0 without any: %j', (options) => {
    const whole = kdLoss(tf.slice(logits(), [0, 0], [2, 3]), tf.slice(target(), [0, 0], [2, 3]), options);
    const masked = kdLoss(logits(), target(), options, { mask: tf.tensor1d([1, 1, 0, 0]) });
    expect(values(masked)[0]).toBeCloseTo(values(whole)[0]!, 6);
    const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => kdLoss(x, target(), options, { mask: tf.zeros([4]) }))(
      logits(),
    );
    expect([...values(value), ...values(grad)].map(Math.abs)).toEqual(Array(13).fill(0));
  });

  it.each([{ loss: 'softmax' }, { loss: 'sigmoid' }, { loss: 'qfl' }] as const)(
    'has no slope where both agree, and weighs its rows: %j',
    (options) => {
      expect(
        Math.max(...values(tf.grad((x: tf.Tensor) => kdLoss(x, target(), options))(target())).map(Math.abs)),
      ).toBeLessThan(1e-6);
      const weighted = (...weights: number[]): number =>
        values(kdLoss(logits(), target(), options, { weights: tf.tensor1d(weights) }))[0]!;
      expect(weighted(1, 0, 0.5, 0) + weighted(0, 1, 0.5, 1)).toBeCloseTo(weighted(1, 1, 1, 1), 6);
    },
  );

  it('without a temperature softens softmax by 2 and scores not at all', () => {
    const at = (options: Parameters<typeof kdLoss>[2]): number => values(kdLoss(logits(), target(), options))[0]!;
    expect(at({})).toBe(at({ loss: 'softmax', temperature: 2, reduction: 'batchmean' }));
    expect(at({ loss: 'sigmoid' })).toBeCloseTo(at({ loss: 'sigmoid', temperature: 1 }), 6);
  });

  it('refuses other shapes', () => expect(() => kdLoss(logits(), normal(4, 2, 1))).toThrow(/\[4, 3\].*\[4, 2\]/));
});

describe('rkdLoss', () => {
  it('has the slopes of its values', () => {
    const [x, teacher] = [normal(5, 3, 3), normal(5, 4, 4)];
    const weights = tf.tensor1d([1, 0.5, 0.2, 1, 0.7]);
    const mask = tf.tensor1d([1, 1, 1, 1, 0]);
    for (const part of ['distance', 'angle'] as const) {
      for (const options of [{}, { unitLength: true }]) {
        const f = (e: tf.Tensor): tf.Scalar =>
          tf.mul(rkdLoss(e as tf.Tensor2D, teacher, options, { weights, mask })[part], 1000);
        const gradient = values(tf.grad(f)(x));
        const data = values(x);
        const at = (i: number, h: number): number =>
          values(
            f(
              tf.tensor2d(
                data.map((value, j) => (i === j ? value + h : value)),
                [5, 3],
              ),
            ),
          )[0]!;
        data.forEach((_, i) =>
          expect(Math.abs(gradient[i]! - (at(i, 5e-3) - at(i, -5e-3)) / 1e-2)).toBeLessThan(
            0.02 * Math.max(...gradient.map(Math.abs)),
          ),
        );
        expect(gradient.slice(12).map(Math.abs)).toEqual([0, 0, 0]);
      }
    }
  });

  it('is the same with padding as without', () => {
    const [x, teacher] = [normal(6, 3, 5), normal(6, 3, 6)];
    const four = (e: tf.Tensor2D): tf.Tensor2D => tf.slice(e, [0, 0], [4, 3]);
    const [plain, padded] = [
      rkdLoss(four(x), four(teacher)),
      rkdLoss(x, teacher, {}, { mask: tf.tensor1d([1, 1, 1, 1, 0, 0]) }),
    ];
    for (const part of ['distance', 'angle'] as const)
      expect(values(padded[part])[0]).toBeCloseTo(values(plain[part])[0]!, 6);
  });

  it('is 0 where the student is the teacher turned and scaled', () => {
    const x = normal(6, 2, 7);
    const { distance, angle } = rkdLoss(
      x,
      tf.mul(
        tf.matMul(
          x,
          tf.tensor2d([
            [0, 1],
            [-1, 0],
          ]),
        ),
        3,
      ),
    );
    expect([...values(distance), ...values(angle)].every((value) => Math.abs(value) < 1e-6)).toBe(true);
  });

  it('does not depend on where the embeddings are, however far', () => {
    const [x, teacher] = [normal(6, 3, 8), normal(6, 3, 9)];
    const here = rkdLoss(x, teacher);
    const there = rkdLoss(tf.add(x, 1000), teacher);
    for (const part of ['distance', 'angle'] as const)
      expect(values(there[part])[0]).toBeCloseTo(values(here[part])[0]!, 4);
  });

  it.each([0, 1, 2])('is 0 with a gradient of 0 for %i instances', (count) => {
    const mask = tf.tensor1d(Array.from({ length: 4 }, (_, i) => (i < count ? 1 : 0)));
    const [x, teacher] = [normal(4, 3, 1), normal(4, 3, 2)];
    for (const part of ['distance', 'angle'] as const) {
      const { value, grad } = tf.valueAndGrad((e: tf.Tensor) => rkdLoss(e as tf.Tensor2D, teacher, {}, { mask })[part])(
        x,
      );
      expect([...values(value), ...values(grad)].map(Math.abs)).toEqual(Array(13).fill(0));
    }
    expect(values(rkdLoss(tf.zeros([count, 3]), tf.zeros([count, 3])).angle)).toEqual([0]);
  });

  it('keeps gradients small where embeddings are on one place, all of them or two', () => {
    const some = normal(5, 3, 3);
    const two = tf.concat([tf.slice(some, [0, 0], [4, 3]), tf.slice(some, [0, 0], [1, 3])]) as tf.Tensor2D;
    for (const x of [two, tf.ones<tf.Rank.R2>([5, 3]), tf.zeros<tf.Rank.R2>([5, 3])]) {
      for (const part of ['distance', 'angle'] as const) {
        const gradient = values(
          tf.grad((e: tf.Tensor) => rkdLoss(e as tf.Tensor2D, some, { unitLength: true })[part])(x),
        );
        expect(gradient.every((slope) => Math.abs(slope) < 10)).toBe(true);
      }
    }
  });

  it('refuses sets of different sizes', () =>
    expect(() => rkdLoss(normal(4, 3, 1), normal(5, 3, 1))).toThrow(/4 embeddings of the student and 5/));
});
