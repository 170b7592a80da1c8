import '@tensorflow/tfjs-backend-cpu';
import '../step/gradients.js';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AdapterOptions, applyAdapter, createAdapter } from './adapter.js';
import type { PluginScope } from '../contract/plugin.js';
import { createRng } from '../rng.js';

beforeAll(() => tf.setBackend('cpu'));

function make(options: AdapterOptions, from = 2, to = 3) {
  const variables = new Map<string, tf.Tensor>();
  const trained: object[] = [];
  const scope = {
    rng: createRng(1, 'plugin'),
    variable: (name: string, value: tf.Tensor, how: object) => (trained.push(how), variables.set(name, value), value),
  } as unknown as PluginScope;
  return { adapter: createAdapter(scope, 'a', from, to, options), variables, trained };
}

const map = (): tf.Tensor4D => tf.randomNormal([2, 3, 4, 2], 0, 1, 'float32', 3);

describe('createAdapter', () => {
  it('has a variable for each of its parts', () => {
    expect([...make({}).variables.keys()]).toEqual(['a/kernel', 'a/bias']);
    expect([...make({ size: 3, bias: false, norm: true, relu: true }).variables.keys()]).toEqual([
      'a/kernel',
      'a/gamma',
      'a/beta',
    ]);
    expect(make({ size: 3 }).adapter.kernel.shape).toEqual([3, 3, 2, 3]);
  });

  it('trains all of them at a rate and with a decay of their own, where they are given', () => {
    expect(make({ norm: true, lr: 10, weightDecay: 0 }).trained).toEqual(
      Array.from({ length: 4 }, () => ({ lr: 10, weightDecay: 0 })),
    );
    expect(make({}).trained).toEqual([{}, {}]);
  });

  it("begins within torch's bound, or with small normal weights of that deviation", () => {
    const uniform = [...make({ size: 3 }, 4, 8).variables.get('a/kernel')!.dataSync()];
    expect(Math.max(...uniform.map(Math.abs))).toBeLessThanOrEqual(1 / 6);
    expect(Math.max(...uniform.map(Math.abs))).toBeGreaterThan(0.9 / 6);
    const { variables } = make({ size: 3, deviation: 0.01 }, 16, 16);
    const normal = [...variables.get('a/kernel')!.dataSync()];
    expect(Math.max(...normal.map(Math.abs))).toBeLessThanOrEqual(0.02);
    // The deviation of a normal distribution cut at two deviations is 0.88 of the uncut one's.
    expect(Math.sqrt(normal.reduce((sum, x) => sum + x * x, 0) / normal.length)).toBeCloseTo(0.0088, 3);
    expect([...variables.get('a/bias')!.dataSync()].every((x) => x === 0)).toBe(true);
  });
});

describe('applyAdapter', () => {
  it('gives the same for a 1x1 kernel as for a 3x3 kernel with zeros around it', () => {
    const x = map();
    const { kernel, bias } = make({}).adapter;
    const wide = tf.pad(kernel, [
      [1, 1],
      [1, 1],
      [0, 0],
      [0, 0],
    ]);
    const difference = tf.max(
      tf.abs(tf.sub(applyAdapter(x, { kernel, bias: bias! }), applyAdapter(x, { kernel: wide, bias: bias! }))),
    );
    expect(difference.dataSync()[0]).toBeLessThan(1e-6);
  });

  it('normalises by the batch, then cuts below 0', () => {
    const options = { bias: false, norm: true } as const;
    const { mean, variance } = tf.moments(applyAdapter(map(), make(options).adapter), [0, 1, 2]);
    for (const value of mean.dataSync()) expect(value).toBeCloseTo(0, 5);
    for (const value of variance.dataSync()) expect(value).toBeCloseTo(1, 3);
    expect(Math.min(...applyAdapter(map(), make({ ...options, relu: true }).adapter).dataSync())).toBe(0);
  });

  it('has finite gradients for a constant map, whose channels have no variance', () => {
    const { adapter } = make({ norm: true });
    const gradient = tf.grad((x: tf.Tensor) => tf.sum(tf.square(applyAdapter(x as tf.Tensor4D, adapter))))(
      tf.ones([1, 2, 2, 2]),
    );
    expect([...gradient.dataSync()].every(Number.isFinite)).toBe(true);
  });
});
