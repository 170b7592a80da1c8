import { type CompileOptions, type Engine, isKdError, silentLogger } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

const NAME = 'a function of the contract';

/** What {@link Engine.compile} promises, of an engine that has started. Every check names what is wrong. */
export async function checkCompile(engine: Engine): Promise<void> {
  const before = tf.memory().numTensors;
  for (const check of [structure, variables, hostInputs, refusal, tensorsFromBefore, bound]) await check(engine);
  expect(tf.memory().numTensors - before, 'tensors that are left').toBe(0);
}

const compiled = <A, R, N = void>(
  engine: Engine,
  fn: Parameters<NonNullable<typeof engine.compile<A, R, N>>>[0],
  options: Partial<CompileOptions> = {},
) => engine.compile!<A, R, N>(fn, { name: NAME, logger: silentLogger, ...options });

async function read(tensor: tf.Tensor): Promise<number[]> {
  const values = [...(await tensor.data())];
  tensor.dispose();
  return values;
}

/** Code and message of what is thrown. */
function refused(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isKdError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'nothing was thrown';
}

async function structure(engine: Engine): Promise<void> {
  let traces = 0;
  const fn = compiled(engine, ({ x, by, list }: { x: tf.Tensor; by: number; list: tf.Tensor[] }) => {
    traces++;
    return { product: tf.mul(x, by), sums: list.map((one) => tf.add(one, x)), words: ['a'], none: null };
  });
  for (const [values, by, times] of [
    [[1, 2], 3, 1],
    [[5, 6], 3, 1],
    [[5, 6], 4, 2],
    [[5, 6, 7], 4, 3],
  ] as const) {
    const x = tf.tensor1d([...values]);
    const { product, sums, ...rest } = fn({ x, by, list: [x] });
    expect(await read(product), 'a product').toEqual(values.map((one) => one * by));
    expect(await Promise.all(sums.map(read)), 'a list of sums').toEqual([values.map((one) => 2 * one)]);
    expect(rest, 'what is no tensor').toEqual({ words: ['a'], none: null });
    expect(traces, 'how often the function was called for its signatures').toBe(times);
    x.dispose();
  }
  fn.clear();
}

async function variables(engine: Engine): Promise<void> {
  const sum = tf.tidy(() => tf.variable(tf.tensor1d([10])));
  const x = tf.tensor1d([2]);
  const fn = compiled(engine, (one: tf.Tensor) => {
    sum.assign(tf.add(sum, one));
    return tf.mul(sum, 2);
  });
  expect(await read(fn(x)), 'twice a variable that was assigned').toEqual([24]);
  const other = tf.tensor1d([100]);
  sum.assign(other);
  other.dispose();
  expect(await read(fn(x)), 'a variable that the host assigned between two calls').toEqual([204]);
  expect([...(await sum.data())], 'the variable').toEqual([102]);
  fn.clear();
  tf.dispose([sum, x]);
}

async function hostInputs(engine: Engine): Promise<void> {
  const x = tf.tensor1d([1, 1]);
  const fn = compiled<tf.Tensor, tf.Tensor, number>(engine, (one, input) =>
    tf.add(
      one,
      input([2], (now) => Float32Array.of(now, 2 * now)),
    ),
  );
  for (const now of [1, 4]) expect(await read(fn(x, now)), 'an input of the host').toEqual([1 + now, 1 + 2 * now]);
  fn.clear();
  x.dispose();
}

async function refusal(engine: Engine): Promise<void> {
  const variable = tf.tidy(() => tf.variable(tf.tensor1d([3])));
  const [x, other] = [tf.tensor1d([1]), tf.tensor1d([4])];
  const fn = compiled(engine, (one: tf.Tensor) => {
    variable.assign(other);
    return tf.mul(one, one.dataSync()[0]!);
  });
  for (let call = 0; call < 2; call++)
    expect(
      refused(() => fn(x)),
      'a function that reads values',
    ).toMatch(new RegExp(`^COMPILE_REFUSED .*${NAME}.*\\(.*compile-contract\\.[jt]s:\\d+\\)`));
  expect([...(await variable.data())], 'a variable after a refusal').toEqual([3]);
  fn.clear();
  tf.dispose([variable, x, other]);
}

async function tensorsFromBefore(engine: Engine): Promise<void> {
  let bank = tf.tensor1d([1]);
  const x = tf.tensor1d([0]);
  const captured: number[] = [];
  const fn = compiled(engine, (one: tf.Tensor) => tf.add(one, bank), {
    onTrace: (trace) => captured.push(trace.captured.length),
  });
  for (let call = 0; call < 2; call++) expect(await read(fn(x)), 'a tensor from before').toEqual([1]);
  expect(captured, 'tensors from before, as they are told').toEqual([1]);
  bank.dispose();
  bank = tf.tensor1d([7]);
  expect(
    refused(() => fn(x)),
    'a tensor from before that is gone',
  ).toMatch(/^COMPILE_REFUSED /);
  fn.clear();
  expect(await read(fn(x)), 'another tensor from before').toEqual([7]);
  fn.clear();
  tf.dispose([bank, x]);
}

async function bound(engine: Engine): Promise<void> {
  let traces = 0;
  const fn = compiled(engine, (one: tf.Tensor) => (traces++, tf.sum(one)), { most: 2 });
  for (const size of [1, 2, 1, 3, 1, 2]) {
    const x = tf.ones([size]);
    expect(await read(fn(x)), 'a sum').toEqual([size]);
    x.dispose();
  }
  expect(traces, 'how often three signatures were traced of which two are kept').toBe(4);
  fn.clear();
}
