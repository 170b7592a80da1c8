import type { CallWatcher, RanOp, TraceInfo } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { needsTensorflow } from '../../../../tests/needs-tensorflow.js';
import { currentBackend } from '../run-op.js';
import { compile, refusal, values } from '../testing/compiled.js';
import { startTensorflow } from '../testing/traced.js';

needsTensorflow(startTensorflow);

describe('a compiled function', () => {
  test('gives the structure and the values of the function, traced once a signature', () => {
    let traces = 0;
    const fn = compile(({ x, by, list }: { x: tf.Tensor; by: number; list: tf.Tensor[] }) => {
      traces++;
      return { product: tf.mul(x, by), sums: list.map((one) => tf.add(one, x)), words: ['a'], none: null };
    });
    const [x, y] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 4])];
    const before = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) {
      const { product, sums, ...rest } = fn({ x, by: 3, list: [x, y] });
      expect(values(product)).toEqual([3, 6]);
      expect(sums.map(values)).toEqual([
        [2, 4],
        [4, 6],
      ]);
      expect(rest).toEqual({ words: ['a'], none: null });
    }
    expect(traces).toBe(1);
    expect(values(fn({ x, by: 4, list: [] }).product)).toEqual([4, 8]);
    const wide = tf.tensor1d([1, 2, 3]);
    expect(values(fn({ x: wide, by: 4, list: [] }).product)).toEqual([4, 8, 12]);
    expect(traces).toBe(3);
    wide.dispose();
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([x, y]);
  });

  test('has gradients', () => {
    const kernel = tf.variable(tf.tensor4d([1, -2, 3, 0.5], [2, 2, 1, 1]));
    const loss = (x: tf.Tensor4D) =>
      tf.variableGrads(() => tf.sum(tf.square(tf.relu(tf.conv2d(x, kernel as tf.Tensor4D, 1, 'same')))), [kernel]);
    const x = tf.tensor4d(
      Array.from({ length: 18 }, (_, i) => ((i * 7) % 5) - 2),
      [2, 3, 3, 1],
    );
    const fn = compile((image: tf.Tensor4D) => {
      const { value, grads } = loss(image);
      return { value, gradient: grads[kernel.name]! };
    });
    const eager = loss(x);
    const compiled = fn(x);
    expect(values(compiled.value)).toEqual(values(eager.value));
    expect(values(compiled.gradient)).toEqual(values(eager.grads[kernel.name]!));
    tf.dispose([x, kernel]);
  });

  test('reads variables at every call, and assigns to them', () => {
    const [sum, count, other] = [tf.variable(tf.scalar(10)), tf.variable(tf.scalar(0)), tf.variable(tf.scalar(5))];
    const before = tf.memory().numTensors;
    const fn = compile((x: tf.Tensor) => {
      sum.assign(tf.add(sum, tf.mul(x, other)));
      count.assign(tf.add(count, 1));
      return { was: tf.add(sum, 0), same: count };
    });
    const x = tf.scalar(2);
    const first = fn(x);
    expect([values(first.was), values(first.same)]).toEqual([[20], [1]]);
    expect([sum.dataSync()[0], count.dataSync()[0], other.dataSync()[0]]).toEqual([20, 1, 5]);
    other.assign(tf.scalar(1));
    tf.dispose(fn(x));
    sum.assign(tf.scalar(100));
    tf.dispose(fn(x));
    expect([sum.dataSync()[0], count.dataSync()[0]]).toEqual([102, 3]);
    x.dispose();
    expect(tf.memory().numTensors).toBe(before + 2); // the two values that the test assigned
    tf.dispose([sum, count, other]);
  });

  test('takes inputs of the host, made anew before every call', () => {
    const fn = compile<tf.Tensor, tf.Tensor, number>((x, input) =>
      tf.add(
        x,
        input([2], (now) => Float32Array.of(now, 2 * now)),
      ),
    );
    const x = tf.tensor1d([1, 1]);
    const before = tf.memory().numTensors;
    expect([1, 2, 3].map((now) => values(fn(x, now)))).toEqual([
      [2, 3],
      [3, 5],
      [4, 7],
    ]);
    expect(tf.memory().numTensors).toBe(before);
    x.dispose();
  });

  test('frees the inputs of the host where making one of them fails', () => {
    const fn = compile<tf.Tensor, tf.Tensor, number>((x, input) =>
      tf.addN([
        x,
        input([1], (now) => Float32Array.of(now)),
        input([1], (now) => {
          if (now === 2) throw new Error('no number today');
          return Float32Array.of(10 * now);
        }),
      ]),
    );
    const x = tf.tensor1d([1]);
    expect(values(fn(x, 1))).toEqual([12]);
    const live = (): number => currentBackend().binding.memory().tensors;
    const before = live();
    expect(() => fn(x, 2)).toThrow('no number today');
    expect(live()).toBe(before);
    expect(values(fn(x, 3))).toEqual([34]);
    x.dispose();
  });

  test.each([
    ['that the device has', true],
    ['that waits for its first use', false],
  ])('tells of a tensor from before, %s, and is refused once that is gone, until it is cleared', (_, used) => {
    const last: TraceInfo[] = [];
    const options = { at: () => 'a hook', onTrace: (trace: TraceInfo) => void last.splice(0, 1, trace) };
    let bank = tf.tensor1d([1, 2]);
    const fn = compile((x: tf.Tensor) => tf.add(tf.mul(x, 3), bank), options);
    const other = compile((x: tf.Tensor) => tf.sub(x, bank));
    const x = tf.tensor1d([0, 0]);
    if (used) tf.dispose(tf.add(bank, bank));
    expect(values(fn(x))).toEqual([1, 2]);
    const line = expect.stringMatching(/compile\.test\.ts:\d+$/) as string;
    expect(last[0]!.captured).toMatchObject([{ shape: [2], bytes: 8, at: 'a hook', line }]);
    expect(values(other(x))).toEqual([-1, -2]);
    bank.dispose();
    bank = tf.tensor1d([7, 8]);
    const why = refusal(() => fn(x));
    expect(why).toMatch(
      /^COMPILE_REFUSED .* a tensor \(\[2\] at .*compile\.test\.ts:\d+\), which it was traced with by a hook, was disposed of since/,
    );
    expect(refusal(() => fn(x))).toBe(why);
    expect(refusal(() => other(x))).toMatch(/^COMPILE_REFUSED .*\), which it was traced with, was disposed of since/);
    fn.clear();
    expect(values(fn(x))).toEqual([7, 8]);
    fn.clear();
    tf.dispose([x, bank]);
  });

  test('is refused once a tensor is gone that it created and kept', () => {
    const last: TraceInfo[] = [];
    let bank: tf.Tensor | undefined;
    const fn = compile((x: tf.Tensor) => tf.add(x, (bank ??= tf.keep(tf.tensor1d([1, 2])))), {
      at: () => 'a hook',
      onTrace: (trace) => last.push(trace),
    });
    const x = tf.tensor1d([0, 0]);
    for (let call = 0; call < 2; call++) expect(values(fn(x))).toEqual([1, 2]);
    expect(last[0]!.captured).toMatchObject([{ shape: [2], bytes: 8, at: 'a hook' }]);
    bank!.dispose();
    expect(refusal(() => fn(x))).toMatch(/^COMPILE_REFUSED .* a tensor \(\[2\]\), which it was traced with by a hook,/);
    fn.clear();
    x.dispose();
  });

  test('has nothing from before in what it is given, in variables and in what it makes', () => {
    const last: TraceInfo[] = [];
    const variable = tf.variable(tf.tensor1d([1, 2]));
    const fn = compile(({ x }: { x: tf.Tensor }) => tf.addN([x, variable, tf.tensor1d([5, 5]), tf.ones([2])]), {
      onTrace: (trace) => last.push(trace),
    });
    const x = tf.tensor1d([0, 0]);
    expect(values(fn({ x }))).toEqual([7, 8]);
    expect(last[0]!.captured).toEqual([]);
    fn.clear();
    tf.dispose([x, variable]);
  });

  test('fills a cache of the function at the first call', () => {
    let grid: tf.Tensor | undefined;
    let traces = 0;
    const fn = compile((x: tf.Tensor) => {
      traces++;
      grid ??= tf.keep(tf.add(tf.range(0, 2), 1));
      return tf.add(x, grid);
    });
    const x = tf.tensor1d([0, 0]);
    expect(values(fn(x))).toEqual([1, 2]);
    expect(Array.from(grid!.dataSync())).toEqual([1, 2]);
    expect(values(fn(x))).toEqual([1, 2]);
    expect(values(fn(x))).toEqual([1, 2]);
    expect(traces).toBe(2);
    tf.dispose([x, grid!]);
  });

  test('tells a watcher which parts of it ran when, as long as that is asked', () => {
    const told: RanOp[][] = [];
    let [timed, enter] = [true, (_: string): void => {}];
    const watcher: CallWatcher = {
      timed: () => timed,
      follow: (to) => {
        enter = to;
        return () => void (enter = () => {});
      },
      ran: (read) => void told.push([...read()]),
    };
    const weight = tf.variable(tf.tensor1d([1, 2]));
    const fn = compile(
      (x: tf.Tensor) => {
        enter('squares');
        const squares = tf.square(tf.add(x, weight));
        enter('sum');
        const sum = tf.sum(squares);
        enter('squares');
        weight.assign(tf.square(tf.add(weight, 1)));
        return sum;
      },
      { watcher },
    );
    const x = tf.tensor1d([3, 4]);
    const before = tf.memory().numTensors;
    const called = performance.now();
    expect(values(fn(x))).toEqual([16 + 36]);
    expect(values(fn(x))).toEqual([49 + 169]);
    expect(told).toHaveLength(2);
    const [, ops] = told as [RanOp[], RanOp[]];
    expect(
      ops
        .filter(({ part }) => part === 'squares')
        .map(({ op }) => op)
        .filter((op) => op === 'Square'),
    ).toHaveLength(2);
    expect(ops.filter(({ part }) => part === 'sum').map(({ op }) => op)).toContain('Sum');
    for (const { start } of ops) expect(start).toBeGreaterThan(called);
    timed = false;
    expect(values(fn(x))).toEqual([28 ** 2 + 104 ** 2]);
    expect(told).toHaveLength(2);
    expect(tf.memory().numTensors).toBe(before);
    fn.clear();
    tf.dispose([x, weight]);
  });

  test('leaves out what nobody uses, kernels of our own too', () => {
    const ops: string[] = [];
    const watcher: CallWatcher = {
      timed: () => true,
      follow: () => () => {},
      ran: (read) => void ops.push(...read().map(({ op }) => op)),
    };
    const [gamma, beta] = [tf.ones([32]), tf.zeros([32])];
    const fn = compile(
      ({ x, used }: { x: tf.Tensor; used: boolean }) => {
        const [y] = tf.engine().runKernel('KdGroupNorm', { x, gamma, beta }, { groups: 4, epsilon: 1 }) as never as [
          tf.Tensor,
        ];
        return tf.mean(used ? y : x);
      },
      { watcher },
    );
    const x = tf.ones([1, 8, 8, 32]);
    for (const used of [true, false]) {
      fn({ x, used }).dispose();
      expect(ops.splice(0).includes('KdGroupNorm'), String(used)).toBe(used);
    }
    fn.clear();
    tf.dispose([x, gamma, beta]);
  });

  test('runs on another thread, one call after the other, on values of the call', async () => {
    const sum = tf.variable(tf.scalar(1));
    const fn = compile(({ x, by }: { x: tf.Tensor; by: number }) => ({
      product: tf.mul(tf.mul(x, by), sum),
      words: 'a',
    }));
    const before = tf.memory().numTensors;
    const pending = [2, 3, 2].map((value, i) => {
      const x = tf.fill([300, 300], value);
      const promise = fn.later!({ x, by: i + 1 });
      x.dispose();
      sum.assign(tf.scalar(i + 2));
      return promise;
    });
    const found = await Promise.all(pending);
    for (const [i, { product, words }] of found.entries()) {
      expect([product.shape, words]).toEqual([[300, 300], 'a']);
      expect(new Set(values(product))).toEqual(new Set([[2, 12, 18][i]]));
    }
    expect(tf.memory().numTensors).toBe(before + 3); // the values that the test assigned
    fn.clear();
    sum.dispose();
  });

  test('assigns to variables before a promise is given where the function does', async () => {
    const count = tf.variable(tf.scalar(0));
    const fn = compile((x: tf.Tensor) => {
      count.assign(tf.add(count, x));
      return tf.mul(count, 2);
    });
    const x = tf.scalar(3);
    const [first, second] = [fn.later!(x), fn.later!(x)];
    expect(values(count.clone())).toEqual([6]);
    expect([values(await first), values(await second)]).toEqual([[6], [12]]);
    fn.clear();
    tf.dispose([x, count]);
  });

  test('throws what cannot be traced before there is a promise, and rejects what fails while it runs', async () => {
    const reads = compile((x: tf.Tensor) => tf.add(x, x.dataSync()[0]!));
    const x = tf.tensor1d([1, 2]);
    expect(refusal(() => reads.later!(x))).toMatch(/^COMPILE_REFUSED/);
    const before = tf.memory().numTensors;
    const picks = compile(([from, at]: tf.Tensor[]) => tf.gather(from!, at as tf.Tensor1D));
    const at = tf.tensor1d([5], 'int32');
    await expect(picks.later!([x, at])).rejects.toThrow(/not in \[0, 2\)/);
    at.dispose();
    expect(tf.memory().numTensors).toBe(before);
    picks.clear();
    x.dispose();
  });

  test('says nothing of shapes that come one after the other and are kept', () => {
    const said: string[] = [];
    const say = (text: string) => void said.push(text);
    const fn = compile((x: tf.Tensor) => tf.sum(x), { logger: { info: say, warn: say } });
    for (let size = 1; size <= 8; size++) expect(tf.tidy(() => values(fn(tf.ones([size])))[0])).toBe(size);
    expect(said).toEqual([]);
    fn.clear();
  });

  test('forgets the signature that was not used for longest, and says so', () => {
    const said: string[] = [];
    let traces = 0;
    const fn = compile(
      (x: tf.Tensor) => {
        traces++;
        return tf.sum(x);
      },
      { most: 2, logger: { info: (text) => said.push(text), warn: (text) => said.push(text) } },
    );
    const call = (size: number) => tf.tidy(() => values(fn(tf.ones([size])))[0]);
    expect([1, 2, 1, 3, 1].map(call)).toEqual([1, 2, 1, 3, 1]);
    expect(traces).toBe(3);
    expect(call(2)).toBe(2);
    expect(traces).toBe(4);
    expect(said.filter((text) => text.startsWith('the test: more than 2 shapes'))).toHaveLength(2);
    [4, 5, 6, 7].map(call);
    expect(said.filter((text) => text.includes('calls had tensors of other shapes'))).toHaveLength(1);
  });

  test('leaves no values on the host of what is on the device', () => {
    const weights = Array.from({ length: 5 }, (_, i) =>
      tf.variable(tf.tensor1d(new Float32Array(2 ** 21).fill(i)), false),
    );
    const held = (): number => process.memoryUsage().arrayBuffers;
    const before = held();
    expect(before).toBeGreaterThan(40 << 20);
    const fn = compile((x: tf.Tensor) => weights.reduce<tf.Tensor>((sum, weight) => tf.add(sum, tf.sum(weight)), x));
    const x = tf.scalar(0);
    expect(values(fn(x))).toEqual([10 * 2 ** 21]);
    expect(before - held()).toBeGreaterThan(39 << 20); // all five; what is read takes some bytes
    fn.clear();
    tf.dispose([x, ...weights]);
  });
});
