import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { cosines, pursuitCoefficients } from './coefficients.js';
import { featureLoss } from './feature-loss.js';
import { globalLoss } from './global-loss.js';
import { responseLoss } from './response-loss.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const slope = (of: (x: tf.Tensor) => tf.Scalar, at: tf.Tensor): number[] =>
  tf.tidy(() => [...tf.grad(of)(at).dataSync()]);
const value = (scalar: tf.Scalar): number => scalar.dataSync()[0]!;

describe('cosines', () => {
  it('are 0 for zero rows, without a gradient, and exact for tiny and huge ones', () => {
    const features = tf.tensor2d([
      [0, 0],
      [1e-30, 0],
      [3e-9, 4e-9],
      [3e18, 4e18],
    ]);
    const prototypes = tf.tensor2d([
      [1, 0],
      [0, 0],
    ]);
    expect([...cosines(features, prototypes).dataSync()].map((one) => Number(one.toFixed(6)))).toEqual([
      0, 0, 0, 0, 0.6, 0, 0.6, 0,
    ]);
    const gradient = slope((x) => tf.sum(cosines(x as tf.Tensor2D, prototypes)), features);
    expect(gradient.slice(0, 4)).toEqual([0, 0, 0, 0]);
    // d (x / |x|) / dx = y² / |x|³
    expect(gradient[4]! / (16 / 25 / 5e-9)).toBeCloseTo(1, 4);
    expect(gradient.every(Number.isFinite)).toBe(true);
  });

  it('have the shape of no rows', () => {
    expect(cosines(tf.zeros([0, 3]), tf.zeros([2, 3])).shape).toEqual([0, 2]);
    expect(cosines(tf.zeros([4, 3]), tf.zeros([0, 3])).shape).toEqual([4, 0]);
  });
});

describe('pursuitCoefficients', () => {
  const pair = (rows: number[][]) => ({ student: tf.tensor2d(rows), teacher: tf.tensor2d(rows) });

  it('begin with the cosine, go on with what is left, and are 0 beyond a class', () => {
    const features = pair([
      [3, 4],
      [3, 4],
      [1, 0],
    ]);
    const prototypes = pair([
      [2, 0],
      [0, 5],
      [1, 1],
    ]);
    const { student, used } = pursuitCoefficients(features, prototypes, tf.tensor1d([0, 1, 2], 'int32'), {
      offsets: [0, 2, 3, 3],
      similarity: 0,
    });
    expect([...used.dataSync()]).toEqual([1, 1, 1, 0, 0, 0]);
    const expected = [0.6, 0.8, 7 / (5 * Math.SQRT2), 0, 0, 0];
    [...student.dataSync()].forEach((one, i) => expect(one).toBeCloseTo(expected[i]!, 6));
  });

  it('agree in both spaces where lambda is large', () => {
    const features = { student: tf.tensor2d([[1, 0]]), teacher: tf.tensor2d([[0.6, 0.8]]) };
    const { student, teacher } = pursuitCoefficients(features, pair([[1, 0]]), tf.tensor1d([0], 'int32'), {
      offsets: [0, 1],
      similarity: 1e6,
    });
    expect(student.dataSync()[0]).toBeCloseTo(0.8, 4);
    expect(teacher.dataSync()[0]).toBeCloseTo(0.8, 4);
  });
});

describe('globalLoss', () => {
  const [student, teacher] = [
    tf.tensor2d([
      [0.5, 0.1],
      [1, -1],
    ]),
    tf.tensor2d([
      [0.1, 0.1],
      [-1, -1],
    ]),
  ];
  const weights = tf.tensor1d([0.5, 1]);

  it('is a mean over instances and prototypes, linear beyond 1, or the half of weighted squares', () => {
    expect(value(globalLoss({ student, teacher }, weights))).toBeCloseTo((0.5 * 0.2 ** 2 + 1.5) / 4, 6);
    expect(value(globalLoss({ student, teacher }, weights, { kind: 'l2' }))).toBeCloseTo((0.5 * 0.4 ** 2 + 4) / 4, 6);
  });

  it('counts rows on the mask and prototypes in scope alone', () => {
    const mask = tf.tensor1d([1, 0]);
    const scope = tf.tensor2d([
      [1, 0],
      [1, 1],
    ]);
    expect(value(globalLoss({ student, teacher }, weights, { mask }))).toBeCloseTo((0.5 * 0.2 ** 2) / 2, 6);
    expect(value(globalLoss({ student, teacher }, weights, { mask, scope }))).toBeCloseTo(0.5 * 0.2 ** 2, 6);
    expect(
      slope((x) => globalLoss({ student: x as tf.Tensor2D, teacher }, weights, { mask }), student).slice(2),
    ).toEqual([0, 0]);
  });

  it.each(['smooth-l1', 'l2'] as const)('is 0 without instances or prototypes, and its gradient too (%s)', (kind) => {
    expect(value(globalLoss({ student: tf.zeros([2, 0]), teacher: tf.zeros([2, 0]) }, weights, { kind }))).toBe(0);
    const options = { kind, mask: tf.tensor1d([0, 0]) };
    expect(value(globalLoss({ student, teacher }, weights, options))).toBe(0);
    expect(slope((x) => globalLoss({ student: x as tf.Tensor2D, teacher }, weights, options), student)).toEqual([
      0, 0, 0, 0,
    ]);
  });

  it('teaches the student alone', () => {
    expect(
      slope(
        (x) => globalLoss({ student: tf.mul(x, 2) as tf.Tensor2D, teacher: x as tf.Tensor2D }, tf.ones([1])),
        tf.tensor2d([[0.25]]),
      ),
    ).toEqual([0.5]);
  });
});

describe('featureLoss', () => {
  const [student, teacher] = [tf.ones([1, 2, 2, 3]) as tf.Tensor4D, tf.zeros([1, 2, 2, 3]) as tf.Tensor4D];

  it('has a foreground by weights and a background by cells', () => {
    const { foreground, background } = featureLoss(
      tf.mul(student, 2),
      teacher,
      tf.tensor3d([
        [
          [0.5, 1],
          [0, 0],
        ],
      ]),
    );
    expect(value(foreground)).toBeCloseTo(2, 6);
    expect(value(background)).toBeCloseTo(2, 6);
  });

  it.each([
    ['foreground', 0, 'background'],
    ['background', 1, 'foreground'],
  ] as const)('has no %s where the mask is %d, and a gradient of 0', (none, mask, other) => {
    const filled = tf.fill([1, 2, 2], mask) as tf.Tensor3D;
    expect(value(featureLoss(student, teacher, filled)[none])).toBe(0);
    expect(value(featureLoss(student, teacher, filled)[other])).toBeCloseTo(0.5, 6);
    expect(slope((x) => featureLoss(x as tf.Tensor4D, teacher, filled)[none], student).every((one) => one === 0)).toBe(
      true,
    );
  });
});

describe('responseLoss', () => {
  it('is 0 with a gradient of 0 without instances, and for certain logits finite', () => {
    const [student, teacher] = [
      tf.tensor2d([
        [1, 2],
        [300, -300],
      ]),
      tf.tensor2d([
        [3, -1],
        [-300, 300],
      ]),
    ];
    expect(value(responseLoss(tf.zeros([0, 2]), tf.zeros([0, 2])))).toBe(0);
    const mask = tf.zeros([2]) as tf.Tensor1D;
    expect(value(responseLoss(student, teacher, { mask }))).toBe(0);
    expect(slope((x) => responseLoss(x as tf.Tensor2D, teacher, { mask }), student).every((one) => one === 0)).toBe(
      true,
    );
    expect(Number.isFinite(value(responseLoss(student, teacher)))).toBe(true);
    expect(slope((x) => responseLoss(x as tf.Tensor2D, teacher), student).every(Number.isFinite)).toBe(true);
  });

  it('has nothing to say of a single class', () => {
    expect(value(responseLoss(tf.tensor2d([[1]]), tf.tensor2d([[5]])))).toBe(0);
  });
});
