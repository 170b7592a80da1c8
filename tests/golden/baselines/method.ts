import * as tf from '@tensorflow/tfjs-core';
import type { Adapter } from '@kd/core';
import { oneOf, only } from '../support/index.js';

/**
 * A method that the papers compare with: its unweighted parts, their weights, and the gradients of the weighted sum.
 */
export interface BaselineCase {
  readonly id: string;
  readonly method: string;
  readonly file: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly parts: Readonly<Record<string, number>>;
  readonly weights: Readonly<Record<string, number>>;
  /** Absent, with parts, weights and wrt, where a case holds what a rule gives and no loss. */
  readonly loss?: number;
  /** Inputs that get a gradient. */
  readonly wrt: readonly string[];
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly expected: Readonly<Record<string, readonly number[]>>;
  readonly tolerance: { readonly loss: number; readonly grad: number; readonly value?: number };
}

export type Inputs = ReadonlyMap<string, tf.Tensor>;

/** The numbers of an input, or of what a case expects. */
export type Values = (key: string) => ArrayLike<number>;

/** The unweighted parts of a method, by name. */
export type Method = (inputs: Inputs, one: BaselineCase, values: Values) => Record<string, tf.Scalar>;

/** Compares what the rules of a method give with what a case has stored of it, besides losses and gradients. */
export type Check = (inputs: Inputs, one: BaselineCase, values: Values) => Promise<void>;

/** `s0`, `s1`, … */
export function levels(inputs: Inputs, prefix: string): tf.Tensor4D[] {
  const maps: tf.Tensor4D[] = [];
  for (let map = inputs.get(`${prefix}0`); map; map = inputs.get(`${prefix}${maps.length}`))
    maps.push(map as tf.Tensor4D);
  return maps;
}

/** `boxes0`, `boxes1`, … of the images as one padded table. */
export function objects(inputs: Inputs, images: number): { boxes: tf.Tensor3D; on: tf.Tensor2D } | null {
  const lists = Array.from({ length: images }, (_, i) => inputs.get(`boxes${i}`) as tf.Tensor2D | undefined);
  if (lists.every((list) => list === undefined)) return null;
  const most = Math.max(...lists.map((list) => list!.shape[0]));
  const boxes = tf.stack(
    lists.map((list) =>
      tf.pad(list!, [
        [0, most - list!.shape[0]],
        [0, 0],
      ]),
    ),
  ) as tf.Tensor3D;
  return {
    boxes,
    on: tf.tensor2d(lists.map((list) => Array.from({ length: most }, (_, j) => (j < list!.shape[0] ? 1 : 0)))),
  };
}

/** The adapters of all levels; null where a level has none. */
export function adapters(inputs: Inputs, { config }: BaselineCase): (Adapter | null)[] {
  const described = config['adapter'] as
    | {
        readonly kernel: number;
        readonly bias: boolean;
        readonly norm: {
          readonly type: string;
          readonly statistics: string;
          readonly eps: number;
          readonly variance: string;
        } | null;
        readonly activation: string | null;
      }
    | undefined;
  const { norm = null, activation = null, kernel: side, bias: biased } = described ?? {};
  if (norm !== null) only('norm', norm, { type: 'batch', statistics: 'batch', eps: 1e-5, variance: 'biased' });
  oneOf('activation', activation, [null, 'relu']);
  return levels(inputs, 's').map((_, i) => {
    const kernel = inputs.get(`a${i}_kernel`) as tf.Tensor4D | undefined;
    if (kernel === undefined) return null;
    if (side !== undefined) only('adapter.kernel', side, kernel.shape[0]);
    const vector = (name: string): tf.Tensor1D | undefined => inputs.get(`a${i}_${name}`) as tf.Tensor1D | undefined;
    const [bias, gamma, beta] = ['bias', 'gamma', 'beta'].map(vector);
    if (biased !== undefined) only('adapter.bias', biased, bias !== undefined);
    return {
      kernel,
      ...(bias && { bias }),
      ...(gamma && beta && { norm: { gamma, beta } }),
      relu: activation === 'relu',
    };
  });
}
