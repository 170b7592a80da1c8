import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { expectClose, expectEqual, type GoldenTensor, type GoldenTensors, only } from '../support/index.js';

/** How far a tensor may be from the reference: atol + rtol max|reference|. */
export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

export interface PrototypeCase {
  readonly id: string;
  readonly kind: string;
  readonly file: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly expected: Readonly<Record<string, { readonly dtype: string }>>;
  readonly tolerance: { readonly values: Tolerance; readonly gradients?: Tolerance; readonly masks?: string };
}

/** One case with its inputs on the device. */
export interface Opened {
  readonly one: PrototypeCase;
  /** Inputs that were asked for. */
  readonly used: ReadonlySet<string>;
  readonly tensors: GoldenTensors;
  /** Input `in.<name>`; integers as int32. */
  input<T extends tf.Tensor = tf.Tensor>(name: string): T;
  /** The numbers of an input. */
  values(name: string): ArrayLike<number>;
  number(name: string): number;
  /** Parameters that our functions have no option for: where the case tells them, they must be these. */
  only(values: Readonly<Record<string, unknown>>): void;
}

export function opened(one: PrototypeCase, tensors: GoldenTensors): Opened {
  const used = new Set<string>();
  const stored = (name: string): GoldenTensor => {
    const key = `in.${name}`;
    used.add(key);
    return tensors.get(key);
  };
  return {
    one,
    used,
    tensors,
    input: <T extends tf.Tensor>(name: string): T => {
      const { values, shape, dtype } = stored(name);
      return tf.tensor(
        dtype === 'I32' ? Int32Array.from(values) : Float32Array.from(values),
        [...shape],
        dtype === 'I32' ? 'int32' : 'float32',
      ) as T;
    },
    values: (name) => stored(name).values,
    number: (name) => {
      const value = one.params[name];
      if (typeof value !== 'number') throw new Error(`${one.id} has no number "${name}" in its parameters`);
      return value;
    },
    only: (values) => {
      for (const [name, ours] of Object.entries(values)) {
        const value = one.params[name];
        if (value !== undefined) only(`${one.id}: ${name}`, value, ours);
      }
    },
  };
}

/** Whatever the case expects, by name without `out.`; anything else would be a test of nothing. */
export type Computed = Readonly<Record<string, tf.Tensor>>;

/**
 * Compares every expected tensor: integers and masks exactly, `grad…` by the tolerance of gradients, others by that of
 * values.
 */
export async function compare(
  { one: { inputs, expected, tolerance }, tensors, used }: Opened,
  computed: Computed,
): Promise<void> {
  expect([...used].sort(), 'every input of the case is used').toEqual(Object.keys(inputs).sort());
  const { values: ofValues, gradients = ofValues } = tolerance;
  if (tolerance.masks !== undefined) only('tolerance.masks', tolerance.masks, 'exact');
  for (const [key, { dtype }] of Object.entries(expected)) {
    const name = key.replace(/^out\./, '');
    const tensor = computed[name];
    if (tensor === undefined) throw new Error(`the case expects "${name}", which the test does not compute`);
    const { values } = tensors.get(key);
    const actual = await tensor.data();
    if (dtype === 'I32') {
      expectEqual(actual, values, name);
    } else {
      const exact = tolerance.masks === 'exact' && name.startsWith('mask');
      const { rtol, atol } = exact ? { rtol: 0, atol: 0 } : /grad/i.test(name) ? gradients : ofValues;
      const largest = Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expectClose(actual, values, atol + rtol * largest, name);
    }
  }
}
