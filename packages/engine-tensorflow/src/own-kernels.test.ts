import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { needsTensorflow } from '../../../tests/needs-tensorflow.js';
import { currentBackend } from './run-op.js';
import { startTensorflow, traced } from './testing/traced.js';

needsTensorflow(startTensorflow);

const EPSILON = 1e-5;
const kernel = (name: string, inputs: tf.NamedTensorMap, groups: number): tf.Tensor[] =>
  tf.engine().runKernel(name, inputs, { groups, epsilon: EPSILON }) as unknown as tf.Tensor[];

/** By the tape, of [b, h·w, groups, c / groups]. */
function composed(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, groups: number): tf.Tensor {
  const [b, h, w, c] = x.shape as [number, number, number, number];
  const grouped = tf.reshape(x, [b, h * w, groups, c / groups]);
  const { mean, variance } = tf.moments(grouped, [1, 3], true);
  const normal = tf.div(tf.sub(grouped, mean), tf.sqrt(tf.add(variance, EPSILON)));
  return tf.add(tf.mul(tf.reshape(normal, x.shape), gamma), beta);
}

function expectClose(found: tf.Tensor, wanted: tf.Tensor): void {
  expect(found.shape).toEqual(wanted.shape);
  const [a, b] = [found, wanted].map((tensor) => tensor.dataSync<'float32'>()) as [Float32Array, Float32Array];
  const size = b.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  expect(a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)).toBeLessThan(1e-5 * size);
}

describe('the kernel of GroupNorm', () => {
  it.each([
    { shape: [2, 5, 7, 6], groups: 3 },
    { shape: [1, 1, 1, 4], groups: 2 },
    { shape: [3, 9, 4, 5], groups: 1 },
    { shape: [2, 3, 4, 8], groups: 8 },
    { shape: [2, 40, 40, 96], groups: 32 },
  ])('gives what a composition gives, with its gradients, $shape in $groups groups', ({ shape, groups }) => {
    tf.tidy(() => {
      const x = tf.add(tf.randomNormal(shape, 0, 2, 'float32', 1), 3);
      const [gamma, beta] = [2, 3].map((seed) => tf.randomNormal([shape[3]!], 0, 1, 'float32', seed)) as [
        tf.Tensor,
        tf.Tensor,
      ];
      const dy = tf.randomNormal(shape, 0, 1, 'float32', 4);
      const [y, mean, inverse] = kernel('KdGroupNorm', { x, gamma, beta }, groups) as [tf.Tensor, tf.Tensor, tf.Tensor];
      expectClose(y, composed(x, gamma, beta, groups));
      const gradients = kernel('KdGroupNormGrad', { dy, x, gamma, mean, inverse }, groups);
      const wanted = tf.grads((...args) => composed(args[0]!, args[1]!, args[2]!, groups))([x, gamma, beta], dy);
      gradients.forEach((gradient, i) => expectClose(gradient, wanted[i]!));
    });
  });

  it('keeps the digits of a map with a large mean, and lets NaN through in its group alone', () => {
    tf.tidy(() => {
      const spread = Float32Array.from({ length: 64 * 64 }, (_, i) => 1000 + (i % 2));
      const [one, none] = [tf.ones([1]), tf.zeros([1])];
      const [y] = kernel('KdGroupNorm', { x: tf.tensor4d(spread, [1, 64, 64, 1]), gamma: one, beta: none }, 1);
      y!.dataSync().forEach((value, i) => expect(value).toBeCloseTo(i % 2 === 0 ? -1 : 1, 3));
      const x = tf.tensor4d([NaN, 1, 2, 3], [1, 1, 1, 4]);
      const [out] = kernel('KdGroupNorm', { x, gamma: tf.ones([4]), beta: tf.zeros([4]) }, 2);
      expect([...out!.dataSync()].map(Number.isNaN)).toEqual([true, true, false, false]);
    });
  });

  it('becomes a part of a trace', () => {
    tf.tidy(() => {
      const args = [[2, 4, 3, 6], [6], [6]].map((shape, i) => tf.randomNormal(shape, 0, 1, 'float32', i + 1));
      const run = (...[x, gamma, beta]: tf.Tensor[]): tf.Tensor[] => {
        const [y, mean, inverse] = kernel('KdGroupNorm', { x: x!, gamma: gamma!, beta: beta! }, 3);
        return [y!, ...kernel('KdGroupNormGrad', { dy: y!, x: x!, gamma: gamma!, mean: mean!, inverse: inverse! }, 3)];
      };
      const { fn, call } = traced(run, args);
      const [compiled, eager] = [call(...args), run(...args)];
      compiled.forEach((tensor, i) => expectClose(tensor, eager[i]!));
      currentBackend().binding.removeFunction(fn);
    });
  });

  it('refuses what does not fit, by name', () => {
    const x = tf.zeros([1, 2, 2, 6]);
    const vector = tf.zeros([6]);
    expect(() => kernel('KdGroupNorm', { x, gamma: vector, beta: vector }, 4)).toThrow(/KdGroupNorm.*divide/s);
    tf.dispose([x, vector]);
  });
});

describe('the kernels of updates', () => {
  const COUNT = 70_000; // More than one piece of work.
  const column = (seed: number, from = -1): Float32Array =>
    Float32Array.from({ length: COUNT }, (_, i) => from + ((i * 7919 + seed * 104_729) % 1000) / 500);
  const tensors = (columns: Readonly<Record<string, Float32Array>>): tf.NamedTensorMap =>
    Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, tf.tensor2d(values, [700, 100])]));
  const scalars = (numbers: Readonly<Record<string, number>>): tf.NamedTensorMap =>
    Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, tf.scalar(value)]));
  const run = (name: string, inputs: tf.NamedTensorMap, attributes: tf.NamedAttrMap): tf.Tensor[] =>
    tf.engine().runKernel(name, inputs, attributes) as unknown as tf.Tensor[];
  /** By hand, in double. */
  const each = (of: (i: number) => number): tf.Tensor =>
    tf.tensor2d(
      Float32Array.from({ length: COUNT }, (_, i) => of(i)),
      [700, 100],
    );

  it.each([0, 1])('SGD as torch does it, with momentum, decay and dampening, nesterov %i', (nesterov) => {
    tf.tidy(() => {
      const [value, gradient, buffer] = [column(1), column(2), column(3)];
      const [v, b] = run(
        'KdSgd',
        { ...tensors({ value, gradient, buffer }), ...scalars({ rate: 0.1, share: 0.75 }) },
        { momentum: 0.9, decay: 0.01, nesterov },
      );
      const decayed = (i: number): number => gradient[i]! + 0.01 * value[i]!;
      const kept = (i: number): number => 0.9 * buffer[i]! + 0.75 * decayed(i);
      expectClose(b!, each(kept));
      expectClose(
        v!,
        each((i) => value[i]! - 0.1 * (nesterov === 1 ? decayed(i) + 0.9 * kept(i) : kept(i))),
      );
    });
  });

  it('Adam as torch does it', () => {
    tf.tidy(() => {
      const [value, gradient, m, v] = [column(1), column(2), column(3), column(4, 0)];
      const numbers = { beta1: 0.9, rest1: 0.1, beta2: 0.99, rest2: 0.01, eps: 1e-3, decay: 0.02 };
      const made = run(
        'KdAdam',
        { ...tensors({ value, gradient, m, v }), ...scalars({ left: 0.95, unbiased: 1.5, step: 0.2 }) },
        numbers,
      );
      const g = (i: number): number => gradient[i]! + 0.02 * value[i]!;
      const mean = (i: number): number => 0.9 * m[i]! + 0.1 * g(i);
      const square = (i: number): number => 0.99 * v[i]! + 0.01 * g(i) ** 2;
      expectClose(made[1]!, each(mean));
      expectClose(made[2]!, each(square));
      expectClose(
        made[0]!,
        each((i) => 0.95 * value[i]! - (0.2 * mean(i)) / (1.5 * Math.sqrt(square(i)) + 1e-3)),
      );
    });
  });

  it('leave what they were given as it was, where that is held', () => {
    tf.tidy(() => {
      const given = tensors({
        value: column(1),
        gradient: column(2),
        buffer: column(3),
        m: column(4),
        v: column(5, 0),
      });
      const { value, gradient, buffer, m, v } = given as Record<'value' | 'gradient' | 'buffer' | 'm' | 'v', tf.Tensor>;
      const before = Object.values(given).map((one) => one.dataSync());
      run(
        'KdSgd',
        { value, gradient, buffer, ...scalars({ rate: 0.1, share: 1 }) },
        { momentum: 0.9, decay: 0.01, nesterov: 0 },
      );
      run(
        'KdAdam',
        { value, gradient, m, v, ...scalars({ left: 1, unbiased: 1, step: 0.1 }) },
        { beta1: 0.9, rest1: 0.1, beta2: 0.99, rest2: 0.01, eps: 1e-3, decay: 0 },
      );
      expect(Object.values(given).map((one) => one.dataSync())).toEqual(before);
    });
  });

  it('refuse slots of another shape', () => {
    tf.tidy(() => {
      const [value, gradient, buffer] = [tf.zeros([3]), tf.zeros([3]), tf.zeros([4])];
      expect(() =>
        run(
          'KdSgd',
          { value, gradient, buffer, ...scalars({ rate: 1, share: 1 }) },
          { momentum: 0, decay: 0, nesterov: 0 },
        ),
      ).toThrow(/KdSgd needs a value/);
    });
  });
});
