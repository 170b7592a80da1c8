import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Rng } from '../rng.js';
import { inputsAt } from './host-input.js';
import { createStepRng } from './step-rng.js';

beforeAll(() => tf.setBackend('cpu'));

const at = (step: number, micro?: number) =>
  inputsAt({ step, steps: 10, epoch: 0, epochs: 1, fraction: 0, ...(micro !== undefined && { micro }) });
const five = (rng: ReturnType<typeof createStepRng>): string => rng.uniform([5]).dataSync().join();

describe('createStepRng', () => {
  it('follows from seed, stream, step, batch of the step and place in the stream', () => {
    expect(five(createStepRng(1, ['a'], at(3)))).toBe(five(createStepRng(1, ['a'], at(3))));
    const later = createStepRng(1, ['a'], at(3));
    later.uniform([2, 2]);
    const draws = [
      createStepRng(1, ['a'], at(3)),
      later,
      createStepRng(2, ['a'], at(3)),
      createStepRng(1, ['b'], at(3)),
      createStepRng(1, ['a'], at(4)),
      createStepRng(1, ['a'], at(3, 1)),
      createStepRng(1, ['a'], at(3)).stream('b'),
    ].map(five);
    expect(new Set(draws).size).toBe(draws.length);
  });

  it('gives a named stream whatever was drawn before it', () => {
    const used = createStepRng(0);
    used.normal([3]);
    expect(five(used.stream('a', 2))).toBe(five(createStepRng(0).stream('a').stream(2)));
  });

  it('has the mean and the spread of its kinds, shapes, and no numbers in common between neighbours', () => {
    const rng = createStepRng(5);
    const n = 40_000;
    const moments = (x: tf.Tensor): [number, number] => {
      const { mean, variance } = tf.moments(x);
      return [mean.dataSync()[0]!, variance.dataSync()[0]!];
    };
    const uniform = rng.uniform([n / 100, 100]);
    expect(uniform.shape).toEqual([400, 100]);
    const values = uniform.dataSync() as Float32Array;
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    const [mean, variance] = moments(uniform);
    expect(Math.abs(mean - 1 / 2)).toBeLessThan(5 * Math.sqrt(1 / 12 / n));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(5 * Math.sqrt(1 / 180 / n));
    const product = values.slice(1).reduce((sum, value, i) => sum + (value - 0.5) * (values[i]! - 0.5), 0) / n;
    expect(Math.abs(product)).toBeLessThan(5 / 12 / Math.sqrt(n));
    const [middle, spread] = moments(rng.normal([n]));
    expect(Math.abs(middle)).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(spread - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(rng.uniform([]).shape).toEqual([]);
    expect(rng.normal([0, 4]).shape).toEqual([0, 4]);
  });

  it('says that it draws tensors, to a plugin that wants a number', () => {
    expect(() => (createStepRng(0) as unknown as Rng).uniform()).toThrow(/give uniform and normal a shape/);
  });
});
