import { KdError } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/** Nested lists and objects with the tensors taken out. */
export interface Structure {
  readonly tensors: readonly tf.Tensor[];
  /** Types and shapes of the tensors, names and lengths around them, and the other values as they are. */
  readonly signature: string;
  /** The same structure around other tensors. */
  around(tensors: readonly tf.Tensor[]): unknown;
}

const isPlain = (value: object): boolean => [Object.prototype, null].includes(Object.getPrototypeOf(value));

/**
 * @param what to say of a value that is neither a tensor, a list, a plain object, nor a number, text or boolean
 * @throws KdError USAGE for such a value
 */
export function structureOf(root: unknown, what: string): Structure {
  const tensors: tf.Tensor[] = [];
  const signed = (value: unknown, path: string): string => {
    if (value instanceof tf.Tensor) {
      tensors.push(value);
      return `${value.dtype}[${value.shape.join()}]`;
    }
    if (Array.isArray(value)) return `[${value.map((one, i) => signed(one, `${path}[${i}]`)).join()}]`;
    if (typeof value !== 'object' || value === null) {
      if (typeof value !== 'function') return typeof value === 'string' ? JSON.stringify(value) : String(value);
    } else if (isPlain(value))
      return `{${Object.entries(value)
        .map(([key, one]) => `${JSON.stringify(key)}:${signed(one, `${path}.${key}`)}`)
        .join()}}`;
    throw new KdError(
      'USAGE',
      `${what}: ${path} is ${typeof value === 'function' ? 'a function' : `a ${value?.constructor.name ?? 'value'}`}; tensors, lists and plain objects of them, numbers, texts and booleans can be handed on.`,
    );
  };
  const signature = signed(root, 'it');
  return {
    tensors,
    signature,
    around: (others) => {
      let next = 0;
      const rebuilt = (value: unknown): unknown => {
        if (value instanceof tf.Tensor) return others[next++];
        if (Array.isArray(value)) return value.map(rebuilt);
        if (typeof value !== 'object' || value === null) return value;
        return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, rebuilt(one)]));
      };
      return rebuilt(root);
    },
  };
}
