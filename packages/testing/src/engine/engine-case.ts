import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { type Nd, nd } from './nd.js';

type Dtype = 'float32' | 'int32' | 'bool';
export type Input = Nd & { readonly dtype: Dtype };

/** One op on small tensors, beside the same in numbers of 64 bits. */
export interface EngineCase {
  readonly name: string;
  readonly inputs: readonly Input[];
  readonly run: (...inputs: never[]) => tf.Tensor;
  readonly reference: (...inputs: Nd[]) => Nd;
  /** Whether gradients are compared too, in inputs of float32 (default: where the result is float32). */
  readonly gradient?: boolean;
}

/** Numbers between -3 and 3 without order, none 0, none equal to one of another offset. */
export const numbers = (shape: readonly number[], offset = 0): Input => ({
  ...nd(shape, (_, k) => (((k * 37 + 11) % 101) - 50) / 17 + 0.0001 * (k % 7) + 0.0003 * offset + 0.0137),
  dtype: 'float32',
});
export const positive = (shape: readonly number[], offset = 0): Input => {
  const { values } = numbers(shape, offset);
  return { shape, values: values.map((value) => Math.abs(value) + 0.3), dtype: 'float32' };
};
export const whole = (shape: readonly number[], below: number): Input => ({
  ...nd(shape, (_, k) => (k * 7 + 3) % below),
  dtype: 'int32',
});
export const flags = (shape: readonly number[]): Input => ({ ...nd(shape, (_, k) => +(k % 3 === 1)), dtype: 'bool' });
export const given = (shape: readonly number[], values: readonly number[], dtype: Dtype = 'float32'): Input => ({
  shape,
  values,
  dtype,
});

/** Relative to the largest number; of gradients five times that. */
const TOLERANCE = 1e-5;

/** Runs a case and compares shape, result, gradients and the number of tensors. */
export async function checkEngineCase({ inputs, run, reference, gradient }: EngineCase): Promise<void> {
  const before = tf.memory().numTensors;
  // What float32 holds is what the reference gets.
  const exact = inputs.map((input) =>
    input.dtype === 'float32' ? { ...input, values: input.values.map(Math.fround) } : input,
  );
  const wanted = reference(...exact);
  const weights = nd(wanted.shape, (_, k) => 1 + ((k * 13) % 5) / 4);
  // By the index of the input; `tidy` keeps what is a tensor.
  const found: { result: tf.Tensor; gradients: Record<string, tf.Tensor> } = tf.tidy(() => {
    const tensors = exact.map(({ values, shape, dtype }) => tf.tensor(values as number[], shape as number[], dtype));
    const result = run(...(tensors as never[]));
    const gradients: Record<string, tf.Tensor> = {};
    if (gradient === false || result.dtype !== 'float32') return { result, gradients };
    const own = tf.tensor(weights.values as number[], weights.shape as number[], 'float32');
    for (const [i, { dtype }] of exact.entries())
      if (dtype === 'float32')
        gradients[i] = tf.grad((x) => tf.sum(tf.mul(run(...(tensors.with(i, x) as never[])), own)))(tensors[i]!);
    return { result, gradients };
  });
  try {
    expect(found.result.shape, 'shape').toEqual(wanted.shape);
    expectNear(Array.from(await found.result.data()), wanted.values, TOLERANCE, 'result');
    const weighed = ({ values }: Nd): number => values.reduce((sum, value, k) => sum + value * weights.values[k]!, 0);
    for (const [i, { values }] of exact.entries()) {
      const own = found.gradients[i];
      if (own === undefined) continue;
      const differences = values.map((value, k) => {
        const step = 1e-5;
        const moved = (by: number): number =>
          weighed(reference(...exact.with(i, { ...exact[i]!, values: values.with(k, value + by) })));
        return (moved(step) - moved(-step)) / (2 * step);
      });
      expectNear(Array.from(await own.data()), differences, 5 * TOLERANCE, `gradient in input ${i}`);
    }
  } finally {
    tf.dispose(found);
  }
  expect(tf.memory().numTensors - before, 'tensors that are left').toBe(0);
}

/** Not a number must be not a number, and an infinity itself; all else near, by the largest. */
function expectNear(found: readonly number[], wanted: readonly number[], tolerance: number, what: string): void {
  expect(found.length, what).toBe(wanted.length);
  const largest = wanted.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 1);
  const wrong = wanted.flatMap((value, k) => {
    const own = found[k]!;
    const near = Object.is(own, value) || own === value || Math.abs(own - value) <= tolerance * largest;
    return near ? [] : [`at ${k}: ${own}, wanted ${value}`];
  });
  expect(wrong.slice(0, 5), what).toEqual([]);
}
