import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tensorflow } from './engine.js';
import { inner, traced } from './testing/traced.js';

let before: string | undefined;

beforeAll(async () => {
  before = tf.getBackend();
  await tensorflow().start();
});
afterAll(async () => {
  if (before) await tf.setBackend(before);
});

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
  const [a, b] = [found.dataSync(), wanted.dataSync()];
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
      inner().binding.removeFunction(fn);
    });
  });

  it('refuses what does not fit, by name', () => {
    const x = tf.zeros([1, 2, 2, 6]);
    const vector = tf.zeros([6]);
    expect(() => kernel('KdGroupNorm', { x, gamma: vector, beta: vector }, 4)).toThrow(/KdGroupNorm.*divide/s);
    tf.dispose([x, vector]);
  });
});
