import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import {
  expectClose,
  expectEqual,
  opTolerance,
  scoped,
  type GoldenTensor,
  type GoldenTensors,
  touching,
  type TensorInfo,
} from '../support/index.js';

/** A case of `ops/index.json`; inputs, outputs, cotangents and gradients name tensors of its file. */
export interface OpCase {
  readonly name: string;
  readonly op: string;
  readonly file: string;
  readonly params: Params;
  readonly inputs: Names;
  readonly outputs: Names;
  readonly cotangents?: Names;
  readonly grads?: Names;
}

type Names = Readonly<Record<string, string>>;
export type Params = Readonly<Record<string, unknown>>;
export type Inputs = Readonly<Record<string, GoldenTensor>>;
/** Outputs in torch's layout. Host results are plain arrays. */
export type Outputs = Readonly<Record<string, tf.Tensor | ArrayLike<number> | Promise<number[]>>>;

/** An op set up on the inputs of a case. */
export interface Prepared {
  /** The tensor that holds an input: itself, or the variable of a layer. Gradients are taken with respect to these. */
  readonly leaves: Readonly<Record<string, tf.Tensor>>;
  /** Axes that bring the gradient of a leaf back into torch's layout, where it lies otherwise. */
  readonly toTorch?: Readonly<Record<string, number[]>>;
  forward(): Outputs;
  /** Frees what outlives a tidy: the variables of layers. */
  dispose?(): void;
}

/** How an op of the index is run. */
export interface Op {
  /** It sums many terms in another order than torch. */
  readonly reordered?: boolean;
  prepare(inputs: Inputs, params: Params): Prepared;
}

export function tensorOf({ values, shape, dtype }: GoldenTensor): tf.Tensor {
  const float = dtype.startsWith('F') || dtype.startsWith('BF');
  return tf.tensor(
    float ? Float32Array.from(values) : Int32Array.from(values),
    [...shape],
    float ? 'float32' : 'int32',
  );
}

/** An op that is a function of the inputs' tensors. */
export function functional(
  run: (inputs: Readonly<Record<string, tf.Tensor>>, params: Params, stored: Inputs) => Outputs,
  options: { reordered?: boolean } = {},
): Op {
  return {
    ...options,
    prepare: (inputs, params) => {
      const leaves = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, tensorOf(tensor)]));
      return { leaves, forward: () => run(leaves, params, inputs) };
    },
  };
}

/** An op on the host. */
export const onHost = (run: (inputs: Inputs, params: Params) => Outputs): Op => ({
  prepare: (inputs, params) => ({ leaves: {}, forward: () => run(inputs, params) }),
});

/** The single output of most ops. */
export const out = (value: tf.Tensor | ArrayLike<number>): Outputs => ({ out: value });

/** torch's `reduction`. */
export function reduce(x: tf.Tensor, reduction: unknown): tf.Tensor {
  if (reduction === 'none') return x;
  if (reduction === 'sum') return tf.sum(x);
  if (reduction === 'mean') return tf.mean(x);
  throw new Error(`unknown reduction "${String(reduction)}"`);
}

/** Rows of a matrix. */
export const rowsOf = ({ values, shape }: GoldenTensor): number[][] =>
  Array.from({ length: shape[0]! }, (_, row) => [...values.slice(row * shape[1]!, (row + 1) * shape[1]!)]);

/** Runs a case: outputs and gradients against the stored ones. */
export async function checkCase(
  one: OpCase,
  op: Op,
  tensors: GoldenTensors,
  infos: Readonly<Record<string, TensorInfo>>,
): Promise<void> {
  const inputs = Object.fromEntries(Object.entries(one.inputs).map(([name, key]) => [name, tensors.get(key)]));
  const before = tf.memory().numTensors;
  await scoped(async () => {
    const prepared = op.prepare(inputs, one.params);
    try {
      const outputs = prepared.forward();
      expect(Object.keys(outputs).sort(), `${one.name}: names of outputs`).toEqual(Object.keys(one.outputs).sort());
      for (const [name, key] of Object.entries(one.outputs)) {
        await compare(
          await outputs[name]!,
          tensors.get(key),
          infos[key],
          op.reordered === true,
          `${one.name}: ${name}`,
        );
      }
      if (one.grads) await checkGradients(one, op, prepared, tensors, infos);
    } finally {
      prepared.dispose?.();
    }
  });
  expect(tf.memory().numTensors, `${one.name}: tensors left over`).toBe(before);
}

async function checkGradients(
  one: OpCase,
  op: Op,
  prepared: Prepared,
  tensors: GoldenTensors,
  infos: Readonly<Record<string, TensorInfo>>,
): Promise<void> {
  const names = Object.keys(one.grads!);
  const cotangents = Object.entries(one.cotangents ?? {}).map(
    ([name, key]) => [name, tensorOf(tensors.get(key))] as const,
  );
  expect(cotangents.length, `${one.name}: cotangents`).toBeGreaterThan(0);
  const total = (): tf.Scalar => {
    const outputs = prepared.forward();
    const terms = cotangents.map(([name, c]) => {
      const y = outputs[name] as tf.Tensor;
      return tf.sum(tf.mul(y, tf.reshape(c, y.shape)));
    });
    return tf.addN(terms) as tf.Scalar;
  };
  const gradients = tf.grads(touching(total))(names.map((name) => prepared.leaves[name]!));
  for (const [i, name] of names.entries()) {
    const axes = prepared.toTorch?.[name];
    const gradient = axes ? tf.transpose(gradients[i]!, axes) : gradients[i]!;
    const key = one.grads![name]!;
    await compare(gradient, tensors.get(key), infos[key], op.reordered === true, `${one.name}: gradient of ${name}`);
  }
}

async function compare(
  actual: tf.Tensor | ArrayLike<number>,
  expected: GoldenTensor,
  info: TensorInfo | undefined,
  reordered: boolean,
  what: string,
): Promise<void> {
  if (actual instanceof tf.Tensor) {
    // A scalar is stored as [1].
    expect(actual.rank === 0 ? [1] : actual.shape, `${what}: shape`).toEqual([...expected.shape]);
  }
  const values = actual instanceof tf.Tensor ? await actual.data() : actual;
  const exact = !expected.dtype.startsWith('F');
  if (exact) expectEqual(values, expected.values, what);
  else if (info === undefined) expect.fail(`${what}: the index tells no tolerance`);
  else expectClose(values, expected.values, opTolerance(info, reordered), what);
}
