import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { pfiLoss, richnessLoss, type ScoredMaps } from './index.js';

beforeAll(() => tf.setBackend('cpu'));

const normal = (shape: [number, number, number, number], seed: number, deviation = 1): tf.Tensor4D =>
  tf.randomNormal(shape, 0, deviation, 'float32', seed);

const level = (seed: number, size = 3, change: Partial<ScoredMaps> = {}): ScoredMaps => ({
  student: normal([2, size, size, 4], seed),
  teacher: normal([2, size, size, 4], seed + 1),
  studentScores: normal([2, size, size, 6], seed + 2, 2),
  teacherScores: normal([2, size, size, 6], seed + 3, 2),
  ...change,
});

const rows = (x: tf.Tensor4D): number[][] => tf.reshape(x, [-1, x.shape[3]]).arraySync() as number[][];
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const total = (xs: readonly number[]): number => xs.reduce((sum, x) => sum + x, 0);
const gap = (a: readonly number[], b: readonly number[]): number => total(a.map((x, i) => (x - b[i]!) ** 2));

describe('richnessLoss', () => {
  /** The formula in float64 on plain arrays. */
  function reference(one: ScoredMaps): { feature: number; classification: number } {
    const [s, t, cs, ct] = [one.student, one.teacher, one.studentScores, one.teacherScores].map(rows);
    const m = ct!.map((cell) => sigmoid(Math.max(...cell)));
    const mean = (values: readonly number[]): number => total(values.map((x, i) => x * m[i]!)) / total(m);
    const bce = (x: number, p: number): number => -p * Math.log(sigmoid(x)) - (1 - p) * Math.log(1 - sigmoid(x));
    return {
      feature: mean(s!.map((cell, i) => gap(cell, t![i]!))),
      classification: mean(cs!.map((cell, i) => total(cell.map((x, k) => bce(x, sigmoid(ct![i]![k]!)))))),
    };
  }

  it('is the formula, the levels added', () => {
    const levels = [level(1), level(11, 1)];
    const wanted = levels.map(reference);
    const got = richnessLoss(levels);
    for (const part of ['feature', 'classification'] as const)
      expect(got[part].dataSync()[0]).toBeCloseTo(total(wanted.map((one) => one[part])), 4);
  });

  it('takes scores of any size, the same ones, and a teacher that sees nothing', () => {
    const quiet = richnessLoss([level(1, 3, { teacherScores: tf.fill([2, 3, 3, 6], -300) })]);
    const loud = richnessLoss([level(1, 3, { studentScores: tf.fill([2, 3, 3, 6], 300) })]);
    for (const { feature, classification } of [quiet, loud])
      expect([feature, classification].every((one) => Number.isFinite(one.dataSync()[0]))).toBe(true);
    const one = level(1);
    expect(richnessLoss([{ ...one, student: one.teacher }]).feature.dataSync()[0]).toBe(0);
    expect(richnessLoss([]).feature.dataSync()[0]).toBe(0);
  });

  it('counts cells by their weights, in each term its own', () => {
    const half = tf.fill([2, 3, 3], 0.5) as tf.Tensor3D;
    const [plain, weighed] = [
      richnessLoss([level(1)]),
      richnessLoss([level(1, 3, { featureWeights: half, scoreWeights: tf.zeros([2, 3, 3]) })]),
    ];
    expect(weighed.feature.dataSync()[0]).toBeCloseTo(plain.feature.dataSync()[0]! / 2, 5);
    expect(weighed.classification.dataSync()[0]).toBe(0);
  });

  it.each([
    [{ teacher: tf.zeros<tf.Rank.R4>([2, 3, 3, 5]) }, /maps \[2, 3, 3, 4\] and \[2, 3, 3, 5\].*adapter/],
    [{ teacherScores: tf.zeros<tf.Rank.R4>([2, 3, 3, 7]) }, /scores \[2, 3, 3, 6\] and \[2, 3, 3, 7\]/],
    [{ student: tf.zeros<tf.Rank.R4>([2, 2, 3, 4]), teacher: tf.zeros<tf.Rank.R4>([2, 2, 3, 4]) }, /level 0/],
  ])('refuses shapes that do not fit', (change, message) => {
    expect(() => richnessLoss([level(1, 3, change)])).toThrow(message);
    expect(() => pfiLoss([level(1, 3, change)])).toThrow(message);
  });
});

describe('pfiLoss', () => {
  /** The formula in float64 on plain arrays, of one level. */
  function reference(one: ScoredMaps, power: 1 | 2): number {
    const [s, t, cs, ct] = [one.student, one.teacher, one.studentScores, one.teacherScores].map(rows);
    const cells = s!.map((cell, i) => {
      const scores = gap(cs![i]!.map(sigmoid), ct![i]!.map(sigmoid)) / cs![i]!.length;
      return ((scores * gap(cell, t![i]!)) / cell.length) ** power;
    });
    return total(cells) / cells.length;
  }

  it.each([
    ['product', 1],
    ['squared', 2],
  ] as const)('is the %s, a mean over the levels', (form, power) => {
    const levels = [level(1), level(11, 1)];
    const wanted = total(levels.map((one) => reference(one, power))) / 2;
    expect(pfiLoss(levels, { form }).dataSync()[0]).toBeCloseTo(wanted, 5);
  });

  it('has the gradient that differences have, through scores unless they are detached', () => {
    const one = level(1, 2);
    const at = (studentScores: tf.Tensor4D, detachPrediction = false): tf.Scalar =>
      pfiLoss([{ ...one, studentScores }], { detachPrediction });
    const slopes = tf
      .grad((x) => at(x as tf.Tensor4D))(one.studentScores)
      .dataSync();
    const values = [...one.studentScores.dataSync()];
    const moved = (step: number): number =>
      at(
        tf.tensor4d(
          values.map((x, i) => (i === 7 ? x + step : x)),
          one.studentScores.shape,
        ),
      ).dataSync()[0]!;
    expect(slopes[7]).toBeCloseTo((moved(0.02) - moved(-0.02)) / 0.04, 4);
    expect(Math.abs(slopes[7]!)).toBeGreaterThan(1e-4);
    const detached = tf.grad((x) => tf.add(at(x as tf.Tensor4D, true), tf.mul(tf.sum(x), 0)))(one.studentScores);
    expect(detached.dataSync().every((slope) => slope === 0)).toBe(true);
  });

  it('is 0 where both models say or see the same, and 0 without a level', () => {
    const one = level(1);
    expect(pfiLoss([{ ...one, studentScores: one.teacherScores }]).dataSync()[0]).toBe(0);
    expect(pfiLoss([{ ...one, student: one.teacher }]).dataSync()[0]).toBe(0);
    expect(pfiLoss([]).dataSync()[0]).toBe(0);
  });

  it('counts cells by their weights', () => {
    const half = tf.fill([2, 3, 3], 0.5) as tf.Tensor3D;
    expect(pfiLoss([level(1, 3, { featureWeights: half })]).dataSync()[0]).toBeCloseTo(
      pfiLoss([level(1)]).dataSync()[0]! / 2,
      6,
    );
  });
});
