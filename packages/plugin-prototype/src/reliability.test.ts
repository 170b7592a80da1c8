import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { reliability, type ReliabilityRule } from './reliability.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

function weights(
  student: number[][],
  teacher: number[][],
  labels: number[],
  prototypeLabels: number[],
  rule?: ReliabilityRule,
): number[] {
  return tf.tidy(() =>
    [
      ...reliability(
        { student: tf.tensor2d(student), teacher: tf.tensor2d(teacher) },
        tf.tensor1d(labels, 'int32'),
        tf.tensor1d(prototypeLabels, 'int32'),
        rule,
      ).dataSync(),
    ].map((weight) => Number(weight.toFixed(6))),
  );
}

describe('reliability', () => {
  it('is one less the gap of the best own prototypes, whichever these are', () => {
    expect(
      weights(
        [
          [0.5, 0.9, -1],
          [0.1, 0.2, 0.7],
        ],
        [
          [0.8, 0.6, 1],
          [0.9, 0.9, 0.4],
        ],
        [0, 1],
        [0, 0, 1],
      ),
    ).toEqual([0.9, 0.7]);
  });

  it('is 0 where the gap is above 1, 1 for a class without prototypes, and 0 for what is not finite', () => {
    expect(
      weights(
        [
          [-0.5, -0.9],
          [0, 1],
          [NaN, 0],
        ],
        [
          [0.9, 0.8],
          [1, 0],
          [1, 0],
        ],
        [0, 1, 0],
        [0, 0],
      ),
    ).toEqual([0, 1, 0]);
  });

  it('takes another rule, and clamps what it gives', () => {
    expect(
      weights([[0.5], [2]], [[0.5], [0]], [0, 0], [0], ({ student, teacher }) =>
        tf.squeeze(tf.add(student, tf.mul(teacher, 0.5)), [1]),
      ),
    ).toEqual([0.75, 1]);
  });

  it('has no gradient', () => {
    const labels = tf.zeros([2], 'int32') as tf.Tensor1D;
    const slope = tf.grad((x: tf.Tensor) =>
      tf.sum(
        tf.mul(
          x,
          tf.expandDims(
            reliability({ student: x as tf.Tensor2D, teacher: tf.ones([2, 1]) }, labels, tf.zeros([1], 'int32')),
            1,
          ),
        ),
      ),
    )(tf.tensor2d([[0.5], [0.25]]));
    expect([...slope.dataSync()]).toEqual([0.5, 0.25]);
  });
});
