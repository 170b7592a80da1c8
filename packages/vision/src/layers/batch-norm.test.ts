import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { createNorm } from './norm.js';
import { weightOf } from './layer-weight.js';
import type { BatchNorm } from './batch-norm.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const wave = (shape: [number, number, number, number], by: number): tf.Tensor4D => {
  const size = shape.reduce((product, side) => product * side, 1);
  return tf.tensor4d(
    Float32Array.from({ length: size }, (_, i) => Math.sin(by * i * i)),
    shape,
  );
};
const live = (): BatchNorm => {
  const norm = createNorm('n', 3, { kind: 'live' }) as BatchNorm;
  norm.build([null, null, null, 3]);
  weightOf(norm, 'gamma')!.assign(tf.tensor1d([1, 2, 0.5]));
  return norm;
};

describe('live batch norm with padding rows', () => {
  const norm = live();
  const rows = tf.tensor1d([1, 0, 1]);
  const x = wave([3, 2, 2, 3], 1.3);
  const run = (input: tf.Tensor4D, counted?: tf.Tensor1D) => {
    const updates: { variable: tf.Variable; value: tf.Tensor }[] = [];
    const y = norm.call(input, { training: true, updates, ...(counted && { rows: counted }) });
    return { y, statistics: updates.map(({ value }) => [...value.dataSync()]) };
  };

  it('counts the others alone, in the output and in the running statistics', () => {
    const real = tf.gather(x, tf.tensor1d([0, 2], 'int32'));
    const expected = run(real);
    const { y, statistics } = run(x, rows);
    expect([...tf.gather(y, tf.tensor1d([0, 2], 'int32')).dataSync()]).toEqual(
      [...expected.y.dataSync()].map((value) => expect.closeTo(value, 6)),
    );
    expect(statistics).toEqual(expected.statistics.map((list) => list.map((value) => expect.closeTo(value, 6))));
  });

  it('has the gradient of that, also where a padding row enters a loss', () => {
    const weights = wave([3, 2, 2, 3], 0.7);
    const loss = (input: tf.Tensor): tf.Scalar => tf.sum(tf.mul(run(input as tf.Tensor4D, rows).y, weights));
    const gradient = tf.grad(loss)(x).dataSync();
    const values = x.dataSync();
    for (const i of [0, 5, 13, 22, 26, 35]) {
      const at = (shift: number): number =>
        loss(
          tf.tensor4d(
            values.map((value, j) => value + (i === j ? shift : 0)),
            x.shape,
          ),
        ).dataSync()[0]!;
      const h = 1e-2;
      expect((at(h) - at(-h)) / (2 * h), `element ${i}`).toBeCloseTo(gradient[i]!, 2);
    }
  });

  it('keeps its running statistics where all rows are padding, and stays finite', () => {
    const { y, statistics } = run(x, tf.zeros([3]));
    expect(statistics).toEqual([
      [0, 0, 0],
      [1, 1, 1],
    ]);
    expect([...y.dataSync()].every(Number.isFinite)).toBe(true);
  });
});
