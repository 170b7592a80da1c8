import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import { resizeBilinear } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { pkdLevels } from './pkd-levels.js';
import { pkdLoss } from './pkd-loss.js';
import type { PkdLossOptions } from './settings.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

type Shape = [number, number, number, number];

const map = (seed: number, shape: Shape = [2, 3, 4, 3]): tf.Tensor4D => tf.randomNormal(shape, 0.5, 2, 'float32', seed);
const value = (s: tf.Tensor4D, t: tf.Tensor4D, options?: PkdLossOptions): number =>
  tf.tidy(() => pkdLoss(s, t, options).dataSync()[0]!);
const slope = (s: tf.Tensor4D, t: tf.Tensor4D, options?: PkdLossOptions): tf.Tensor4D =>
  tf.grad((x) => pkdLoss(x as tf.Tensor4D, t, options))(s) as tf.Tensor4D;
const largest = (x: tf.Tensor): number => tf.tidy(() => tf.max(tf.abs(x)).dataSync()[0]!);

/** The formula in float64 on plain arrays. */
function reference(s: ArrayLike<number>, t: ArrayLike<number>, channels: number, eps = 1e-6): number {
  const m = s.length / channels;
  const standardised = (values: ArrayLike<number>, c: number): number[] => {
    const own = Array.from({ length: m }, (_, i) => values[i * channels + c]!);
    const mean = own.reduce((sum, x) => sum + x, 0) / m;
    const deviation = Math.sqrt(own.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (m - 1));
    return own.map((x) => (x - mean) / (deviation + eps));
  };
  let total = 0;
  for (let c = 0; c < channels; c++) {
    const y = standardised(t, c);
    standardised(s, c).forEach((x, i) => (total += (x - y[i]!) ** 2));
  }
  return total / (2 * s.length);
}

describe('pkdLoss', () => {
  it('is the formula, of maps of any size', () => {
    fc.assert(
      fc.property(
        fc.tuple(...[3, 4, 5, 4].map((max) => fc.integer({ min: 1, max }))),
        fc.integer({ min: 1, max: 1000 }),
        (shape, seed) => {
          const [n, h, w, c] = shape as Shape;
          fc.pre(n * h * w > 1);
          tf.tidy(() => {
            const [s, t] = [map(seed, [n, h, w, c]), map(seed + 1, [n, h, w, c])];
            expect(value(s, t)).toBeCloseTo(reference(s.dataSync(), t.dataSync(), c), 5);
          });
        },
      ),
    );
  });

  it('has the gradient that differences of the formula in float64 have', () => {
    tf.tidy(() => {
      const [s, t] = [map(1), map(2)];
      const got = slope(s, t, { weight: 3 }).dataSync();
      const [from, to] = [Float64Array.from(s.dataSync()), t.dataSync()];
      from.forEach((x, i) => {
        const at = (shift: number): number =>
          reference(
            from.map((y, j) => (j === i ? x + shift : y)),
            to,
            3,
          );
        expect(got[i], `element ${i}`).toBeCloseTo((3 * (at(1e-4) - at(-1e-4))) / 2e-4, 5);
      });
    });
  });

  it('heeds neither scale nor shift of a channel, so that its gradient has no part along either', () => {
    tf.tidy(() => {
      const [s, t] = [map(1), map(2)];
      const changed = tf.add(tf.mul(s, tf.tensor1d([7, 0.2, 30])), tf.tensor1d([30, -4, 100])) as tf.Tensor4D;
      expect(value(changed, t)).toBeCloseTo(value(s, t), 4);
      const gradient = slope(s, t);
      expect(largest(tf.sum(gradient, [0, 1, 2]))).toBeLessThan(1e-6);
      expect(largest(tf.sum(tf.mul(gradient, tf.sub(s, tf.mean(s, [0, 1, 2]))), [0, 1, 2]))).toBeLessThan(1e-6);
    });
  });

  it('is 0 with gradient 0 for the teacher itself, and 2 (m - 1)/m for its opposite', () => {
    tf.tidy(() => {
      const t = map(2);
      expect(value(t, t)).toBe(0);
      expect(largest(slope(tf.clone(t), t))).toBe(0);
      expect(value(tf.neg(t), t)).toBeCloseTo((2 * 23) / 24, 4);
    });
  });

  it('stays finite where a channel of either is constant', () => {
    tf.tidy(() => {
      const flat = tf.mul(map(1), tf.tensor1d([0, 1, 1])) as tf.Tensor4D;
      // A constant channel is 0 everywhere: half the teacher's mean square is left.
      expect(value(flat, map(2))).toBeCloseTo(reference(flat.dataSync(), map(2).dataSync(), 3), 5);
      const gradient = slope(flat, map(2));
      expect(gradient.dataSync().every(Number.isFinite)).toBe(true);
      // The root counts for nothing there: the gradient is that of 1/eps times the gap alone.
      const t = map(2);
      const centred = tf.sub(t, tf.mean(t, [0, 1, 2]));
      const unit = tf.div(centred, tf.add(tf.sqrt(tf.div(tf.sum(tf.square(centred), [0, 1, 2]), 23)), 1e-6));
      const wanted = tf.mul(unit, -1 / (72 * 1e-6));
      const [got, want] = [gradient, wanted].map((x) => tf.slice(x as tf.Tensor4D, [0, 0, 0, 0], [-1, -1, -1, 1]));
      expect(largest(tf.sub(got!, want!)) / largest(want!)).toBeLessThan(1e-4);
      const still = slope(map(1), flat);
      expect(still.dataSync().every(Number.isFinite)).toBe(true);
      expect(largest(tf.slice(still, [0, 0, 0, 0], [-1, -1, -1, 1]))).toBeLessThan(1e-6);
    });
  });

  it('leaves a map of one cell, or of none, out', () => {
    tf.tidy(() => {
      for (const shape of [
        [1, 1, 1, 3],
        [1, 0, 4, 3],
      ] as Shape[]) {
        expect(value(map(1, shape), map(2, shape))).toBe(0);
        expect([...slope(map(1, shape), map(2, shape)).dataSync()].every((x) => x === 0)).toBe(true);
      }
      expect(value(map(1, [2, 1, 1, 3]), map(2, [2, 1, 1, 3]))).toBeGreaterThan(0);
    });
  });

  it('gives the teacher no gradient and leaves no tensor behind', () => {
    const [s, t] = [map(1), map(2)];
    const before = tf.memory().numTensors;
    const grads = tf.grads(
      (x, y) => tf.add(pkdLoss(x as tf.Tensor4D, y as tf.Tensor4D), tf.mul(tf.sum(y), 0)) as tf.Scalar,
    )([s, t]);
    expect(largest(grads[1]!)).toBe(0);
    expect(largest(grads[0]!)).toBeGreaterThan(0);
    tf.dispose(grads);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([s, t]);
  });

  it('resizes the student, or the teacher, where sizes differ', () => {
    tf.tidy(() => {
      const [s, t] = [map(1, [2, 3, 4, 3]), map(2, [2, 6, 7, 3])];
      expect(value(s, t)).toBeCloseTo(value(resizeBilinear(s, 6, 7), t), 6);
      expect(value(s, t, { resize: 'teacher' })).toBeCloseTo(value(s, resizeBilinear(t, 3, 4)), 6);
      expect(slope(s, t).shape).toEqual(s.shape);
      expect(largest(tf.sub(slope(s, t), tf.grad((x) => pkdLoss(resizeBilinear(x as tf.Tensor4D, 6, 7), t))(s)))).toBe(
        0,
      );
    });
  });

  it.each<[Shape, Shape, PkdLossOptions, RegExp]>([
    [[1, 2, 2, 3], [1, 2, 2, 4], {}, /\[1, 2, 2, 3\] and the teacher's \[1, 2, 2, 4\].*conv1x1/],
    [[1, 2, 2, 3], [2, 2, 2, 3], {}, /same images/],
    [[1, 2, 2, 3], [1, 4, 4, 3], { resize: 'none' }, /resize: 'student' or 'teacher'/],
    [[1, 2, 2, 3], [1, 2, 2, 3], { eps: 0 }, /eps/],
    [[1, 2, 2, 3], [1, 2, 2, 3], { wieght: 1 } as PkdLossOptions, /wieght/],
  ])('refuses %j and %j with %j', (s, t, options, message) => {
    expect(() => pkdLoss(tf.zeros(s), tf.zeros(t), options)).toThrow(message);
  });
});

describe('pkdLevels', () => {
  it('adds the levels, each as heavy as the other, weighted', () => {
    tf.tidy(() => {
      const [students, teachers] = [
        [map(1), map(3, [2, 1, 2, 3])],
        [map(2), map(4, [2, 1, 2, 3])],
      ];
      const got = pkdLevels(students, teachers, { weight: 5 }).dataSync()[0]!;
      expect(got).toBeCloseTo(5 * (value(students[0]!, teachers[0]!) + value(students[1]!, teachers[1]!)), 4);
      expect(pkdLevels([], []).dataSync()[0]).toBe(0);
    });
  });

  it('takes adapters first, and trains them', () => {
    tf.tidy(() => {
      const [s, t] = [map(1, [2, 3, 4, 2]), map(2)];
      const adapter = {
        kernel: tf.randomNormal<tf.Rank.R4>([1, 1, 2, 3], 0, 1, 'float32', 5),
        bias: tf.tensor1d([1, 2, 3]),
      };
      const adapted = tf.conv2d(s, adapter.kernel, 1, 'valid');
      expect(pkdLevels([s], [t], {}, { adapters: [adapter] }).dataSync()[0]).toBeCloseTo(value(adapted, t), 5);
      const gradient = tf.grad((kernel) =>
        pkdLevels([s], [t], {}, { adapters: [{ ...adapter, kernel: kernel as tf.Tensor4D }] }),
      )(adapter.kernel);
      expect(largest(gradient)).toBeGreaterThan(0);
    });
  });

  it('refuses lists of different lengths', () => {
    expect(() => pkdLevels([map(1), map(1)], [map(2)])).toThrow(/2 maps of the student and 1 teacher's maps/);
    expect(() => pkdLevels([map(1)], [map(2)], {}, { adapters: [] })).toThrow(/1 maps of the student and 0 adapters/);
  });
});
