import { createOptimizer, silentLogger as logger, Updater } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, test } from 'vitest';
import { needsTensorflow } from '../../../../tests/needs-tensorflow.js';
import { tensorflow } from '../engine.js';
import { currentBackend } from '../run-op.js';
import { idOf } from '../testing/traced.js';

const engine = tensorflow();
needsTensorflow(async () => {
  await engine.start();
});

const compile = <A, R>(fn: (args: A) => R, inPlace = true) =>
  engine.compile!<A, R>(fn, { name: 'the test', logger, inPlace });
const placeOf = (tensor: tf.Tensor): number => currentBackend().binding.tensorAddress(idOf(tensor));
const values = (tensor: tf.Tensor): number[] => Array.from(tensor.dataSync());

let weight: tf.Variable;
let gradient: tf.Tensor;
beforeEach(() => {
  const before = tf.memory().numTensors;
  weight = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])));
  gradient = tf.tensor1d([10, 20]);
  return () => {
    tf.dispose([weight, gradient]);
    expect(tf.memory().numTensors).toBe(before);
  };
});
const descend = (by: tf.Tensor): null => {
  weight.assign(tf.sub(weight, by));
  return null;
};

describe('a variable that a compiled function assigns', () => {
  test.each([true, false])('has its new value in the memory of the old one where that is asked: %s', (inPlace) => {
    const fn = compile(descend, inPlace);
    const place = placeOf(weight);
    for (const wanted of [
      [-9, -18],
      [-19, -38],
    ]) {
      fn(gradient);
      expect(values(weight)).toEqual(wanted);
      // Without it the value before is there until the new one is.
      expect(placeOf(weight) === place || !inPlace).toBe(true);
    }
    const one = placeOf(weight);
    fn(gradient);
    expect(placeOf(weight) === one).toBe(inPlace);
    fn.clear();
  });

  test('leaves a clone from before what it was, whatever comes after', () => {
    const fn = compile(descend);
    fn(gradient);
    const kept = tf.clone(weight);
    const reshaped = tf.reshape(weight, [2, 1]);
    fn(gradient);
    fn(gradient);
    expect([kept, reshaped, weight].map(values)).toEqual([
      [-9, -18],
      [-9, -18],
      [-29, -58],
    ]);
    const place = placeOf(weight);
    expect(place).not.toBe(placeOf(kept));
    fn(gradient);
    expect(placeOf(weight)).toBe(place);
    fn.clear();
    tf.dispose([kept, reshaped]);
  });

  test('leaves a variable that was assigned the same value what it was, and the two go apart', () => {
    const teacher = tf.variable(weight, false);
    const reads = compile((x: tf.Tensor) => tf.mul(teacher, x));
    const fn = compile(descend);
    fn(gradient);
    const read = reads(gradient);
    expect([teacher, weight, read].map(values)).toEqual([
      [1, 2],
      [-9, -18],
      [10, 40],
    ]);
    const both = compile((by: tf.Tensor) => {
      weight.assign(tf.sub(weight, by));
      teacher.assign(tf.add(teacher, by));
      return null;
    });
    weight.assign(teacher);
    both(gradient);
    expect([teacher, weight].map(values)).toEqual([
      [11, 22],
      [-9, -18],
    ]);
    // And where both are assigned one value, which the next call makes two of.
    const alike = compile((by: tf.Tensor) => {
      const sum = tf.add(tf.add(weight, teacher), by);
      weight.assign(sum);
      teacher.assign(sum);
      return null;
    });
    alike(gradient);
    both(gradient);
    expect([teacher, weight].map(values)).toEqual([
      [22, 44],
      [2, 4],
    ]);
    for (const each of [reads, fn, both, alike]) each.clear();
    tf.dispose([teacher, read]);
  });

  test('leaves a read that is on its way the value of its time', async () => {
    const large = tf.tidy(() => tf.variable(tf.fill([1 << 20], 1)));
    const fn = compile((by: tf.Tensor) => {
      large.assign(tf.add(large, by));
      return null;
    });
    const one = tf.scalar(1);
    fn(one);
    const reading = large.data();
    for (let i = 0; i < 5; i++) fn(one);
    expect(new Set(await reading)).toEqual(new Set([2]));
    expect(new Set(large.dataSync())).toEqual(new Set([7]));
    fn.clear();
    tf.dispose([large, one]);
  });

  test('leaves a function on another thread the value of its call', async () => {
    const fn = compile(descend);
    fn(gradient);
    const reads = compile((x: tf.Tensor) => tf.add(tf.fill([500, 500, 2], 0), tf.mul(weight, x)));
    const pending = [];
    for (let i = 0; i < 3; i++) {
      pending.push(reads.later!(gradient));
      fn(gradient);
    }
    for (const [i, sum] of (await Promise.all(pending)).entries()) {
      expect(new Set(sum.dataSync())).toEqual(new Set([-90 - 100 * i, -360 - 400 * i]));
      sum.dispose();
    }
    fn.clear();
    reads.clear();
  });

  test('may be an argument, and so may a clone of it; what is handed out keeps its value', () => {
    const fn = compile(([a, b]: tf.Tensor[]) => {
      const was = tf.mul(weight, 1);
      weight.assign(tf.addN([weight, a!, b!]));
      return { was, old: tf.add(a!, 0), now: weight };
    });
    const clone = tf.clone(weight);
    const first = fn([weight, clone]);
    const second = fn([weight, clone]);
    expect([first.was, first.old, first.now, second.was, second.old, second.now, weight, clone].map(values)).toEqual([
      [1, 2],
      [1, 2],
      [3, 6],
      [3, 6],
      [3, 6],
      [7, 14],
      [7, 14],
      [1, 2],
    ]);
    fn.clear();
    tf.dispose([clone, first, second]);
  });

  test('is captured by no other trace; its clone there stays as it was', () => {
    const clone = tf.clone(weight);
    const reads = compile((x: tf.Tensor) => tf.mul(weight, x));
    const captures = compile((x: tf.Tensor) => tf.mul(clone, x));
    const one = tf.scalar(1);
    tf.dispose([reads(one), captures(one)]);
    const fn = compile(descend);
    fn(gradient);
    fn(gradient);
    const found = [reads(one), captures(one)];
    expect(found.map(values)).toEqual([
      [-19, -38],
      [1, 2],
    ]);
    for (const each of [reads, captures, fn]) each.clear();
    tf.dispose([clone, found, one]);
  });

  test('may be given what was there before, or a value that does not read it', () => {
    const fn = compile((x: tf.Tensor) => {
      weight.assign(gradient);
      return tf.mul(x, weight);
    });
    const x = tf.scalar(2);
    for (let i = 0; i < 2; i++) {
      const product = fn(x);
      expect([product, weight, gradient].map(values)).toEqual([
        [20, 40],
        [10, 20],
        [10, 20],
      ]);
      product.dispose();
    }
    const turn = compile(descend);
    turn(gradient);
    expect([weight, gradient].map(values)).toEqual([
      [0, 0],
      [10, 20],
    ]);
    fn.clear();
    turn.clear();
    x.dispose();
  });

  test('has no value after a call that failed on the way, until it is assigned', () => {
    const other = tf.tidy(() => tf.variable(tf.tensor1d([5, 6])));
    const fn = compile((at: tf.Tensor) => {
      weight.assign(tf.add(weight, 1));
      other.assign(tf.gather(other, at as tf.Tensor1D));
      return null;
    });
    const [good, bad] = [tf.tensor1d([1, 0], 'int32'), tf.tensor1d([0, 7], 'int32')];
    fn(good);
    expect([weight, other].map(values)).toEqual([
      [2, 3],
      [6, 5],
    ]);
    const kept = tf.clone(weight);
    expect(() => fn(bad)).toThrow(/not in \[0, 2\)[\t\n -~]*attributes: config_proto=\d+ bytes, executor_type=""$/);
    for (const use of [
      () => void weight.dataSync(),
      () => void tf.add(other, 1),
      () => void fn(good),
      () => void tf.clone(other).dataSync(),
    ])
      expect(() => tf.tidy(use)).toThrow(/has no values: an update of it failed halfway/);
    expect(values(kept)).toEqual([2, 3]);
    expect(currentBackend().binding.memory().bytes).toBeGreaterThan(0);
    weight.assign(kept);
    tf.tidy(() => other.assign(tf.tensor1d([8, 9])));
    fn(good);
    expect([weight, other, kept].map(values)).toEqual([
      [3, 4],
      [9, 8],
      [2, 3],
    ]);
    fn.clear();
    tf.dispose([other, good, bad, kept]);
  });

  test.each([true, false])('that was disposed of is refused, and no other is assigned; in place: %s', (inPlace) => {
    const other = tf.tidy(() => tf.variable(tf.tensor1d([5, 6])));
    const fn = compile((by: tf.Tensor) => {
      weight.assign(tf.add(weight, by));
      other.assign(tf.add(other, by));
      return null;
    }, inPlace);
    const reads = compile((x: tf.Tensor) => tf.mul(other, x), inPlace);
    fn(gradient);
    reads(gradient).dispose();
    const kept = tf.clone(other);
    other.dispose();
    for (const use of [fn, reads]) expect(() => use(gradient)).toThrow(/was disposed of\. Keep it/);
    expect([weight, kept].map(values)).toEqual([
      [11, 22],
      [15, 26],
    ]);
    fn.clear();
    reads.clear();
    kept.dispose();
  });

  test('is as it was after a call that did not begin', () => {
    const fn = compile(descend);
    fn(gradient);
    const { binding } = currentBackend();
    const { updateByFunction } = binding;
    let given: Parameters<typeof updateByFunction> | undefined;
    binding.updateByFunction = (...args) => updateByFunction(...(given = args));
    fn(gradient);
    binding.updateByFunction = updateByFunction;
    const [f, , ids] = given!;
    const wrong = tf.tensor1d([1, 2], 'int32');
    expect(() => updateByFunction(f, [idOf(wrong)], ids)).toThrow(/kd_function/);
    expect(() => updateByFunction(f, [], ids)).toThrow(/takes 1 tensors, not 0/);
    expect(() => updateByFunction(f, [idOf(gradient)], [])).toThrow(/updates 1 variables, not 0/);
    expect(() => updateByFunction(f, [idOf(gradient)], [2 ** 30])).toThrow(/is not there/);
    expect(() => binding.callFunction(f, [idOf(gradient)])).toThrow(/updates 1 variables, not 0/);
    expect(values(weight)).toEqual([-19, -38]);
    fn(gradient);
    expect(values(weight)).toEqual([-29, -58]);
    fn.clear();
    wrong.dispose();
  });
});

describe('the update of the weights', () => {
  const SHAPES = [[300, 400], [3, 3, 8, 16], [5], []];
  const optimizers = [
    [{ name: 'sgd', momentum: 0.9, weightDecay: 1e-4, nesterov: true }, ['momentum']],
    [{ name: 'sgd' }, []],
    [{ name: 'adamw' }, ['m', 'v']],
  ] as const;

  /** Weights and all that is kept of them, after updates with an evaluation, a checkpoint and a resume between them. */
  async function after(optimizer: (typeof optimizers)[number][0], inPlace: boolean) {
    const variables = SHAPES.map((shape, i) => ({
      path: `student/${i}`,
      variable: tf.tidy(() => tf.variable(tf.randomNormal(shape, 0, 1, 'float32', i + 1))),
      lr: 1,
      weightDecay: undefined,
    }));
    const made = () =>
      new Updater(variables, createOptimizer(optimizer), {
        clipNorm: 1,
        emaDecay: 0.9,
        compile: (name, fn) => engine.compile!(fn, { name, logger, inPlace }),
      });
    let updater = made();
    const places = (): number[] => variables.map(({ variable }) => placeOf(variable));
    const apply = (seed: number): void => {
      const gradients = variables.map(
        ({ path }, i) => [path, tf.randomNormal(SHAPES[i]!, 0, 1, 'float32', seed + i)] as const,
      );
      updater.apply(new Map(gradients), 0.1);
      tf.dispose(gradients.map(([, gradient]) => gradient));
    };
    const weights = (): Float32Array[] => variables.map(({ variable }) => variable.dataSync<'float32'>());
    const seen: unknown[] = [];
    apply(100);
    const first = places();
    apply(200);
    const stay = places().join() === first.join();
    await updater.withAverage(async () => seen.push(weights()));
    seen.push(weights());
    apply(300);
    const state = await updater.state();
    seen.push(state);
    const kept = variables.map(({ variable }) => tf.clone(variable));
    apply(400);
    seen.push(kept.map((one) => one.dataSync()));
    variables.forEach(({ variable }, i) => variable.assign(kept[i]!));
    updater.dispose();
    updater = made();
    updater.restore(state, 'a file');
    apply(400);
    apply(500);
    seen.push(
      weights(),
      await updater.state(),
      kept.map((one) => one.dataSync()),
    );
    updater.dispose();
    tf.dispose([kept, variables.map(({ variable }) => variable)]);
    return { seen, stay };
  }

  test.each(optimizers)('gives the same bits in place, $name', async (optimizer, slots) => {
    const [before, now] = [await after(optimizer, false), await after(optimizer, true)];
    expect(now.seen).toEqual(before.seen);
    expect([before.stay, now.stay]).toEqual([false, true]);
    const state = now.seen[2] as Map<string, unknown>;
    expect([...state.keys()].filter((key) => key.endsWith('/0')).sort()).toEqual(
      [...slots.map((slot) => `optimizer/${slot}/student/0`), 'optimizer/count/student/0', 'ema/student/0'].sort(),
    );
  });
});
