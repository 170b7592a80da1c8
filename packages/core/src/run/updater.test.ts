import * as tf from '@tensorflow/tfjs-core';
import { cpuEngine } from '@kd/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOptimizer } from './optimizers.js';
import { clipScale, Updater } from './updater.js';
import type { TrainedVariable } from '../variables.js';

beforeAll(() => cpuEngine().start());

let variables: TrainedVariable[];
let updaters: Updater[];
beforeEach(() => {
  updaters = [];
  const make = (path: string, values: number[], more: Partial<TrainedVariable> = {}): TrainedVariable => {
    const initial = tf.tensor1d(values);
    const variable = tf.variable(initial);
    initial.dispose();
    return { path, variable, lr: 1, weightDecay: undefined, ...more };
  };
  variables = [make('student/a', [1, 2]), make('plugin/p/b', [3], { lr: 10, weightDecay: 0 })];
});
afterEach(() => {
  for (const updater of updaters) updater.dispose();
  for (const { variable } of variables) variable.dispose();
});

const updater = (
  options: { clipNorm?: number; emaDecay?: number; optimizer?: Parameters<typeof createOptimizer>[0] } = {},
): Updater => {
  const made = new Updater(variables, createOptimizer(options.optimizer ?? { name: 'sgd' }), {
    clipNorm: options.clipNorm ?? null,
    emaDecay: options.emaDecay ?? null,
  });
  updaters.push(made);
  return made;
};
const apply = (of: Updater, gradients: Record<string, number[]>, lr = 1): void => {
  const tensors = new Map(Object.entries(gradients).map(([path, values]) => [path, tf.tensor1d(values)]));
  of.apply(tensors, lr);
  tf.dispose([...tensors.values()]);
};
const values = (): number[][] => variables.map(({ variable }) => [...variable.dataSync()]);

describe('Updater', () => {
  it('clips by the norm over all gradients, those of plugins too', () => {
    apply(updater({ clipNorm: 1 }), { 'student/a': [3, 0], 'plugin/p/b': [4] });
    // norm 5: everything is divided by 5; the plugin's variable has ten times the rate.
    const [[a0, a1], [b]] = values() as [[number, number], [number]];
    expect(a0).toBeCloseTo(1 - 3 / 5, 5);
    expect(a1).toBe(2);
    expect(b).toBeCloseTo(3 - 10 * (4 / 5), 5);
  });

  describe('of a group with an optimiser of its own', () => {
    const group = { optimizer: createOptimizer({ name: 'adamw', weightDecay: 0 }), lr: 0.5, clipNorm: 1 };
    beforeEach(() => void (variables = [variables[0]!, { ...variables[1]!, lr: 1, weightDecay: undefined, group }]));

    it('moves it at its own rate, with its own slots', async () => {
      const of = updater({ optimizer: { name: 'sgd', momentum: 0.9 } });
      apply(of, { 'student/a': [1, 0], 'plugin/p/b': [0.5] }, 0.25);
      expect(values()[0]).toEqual([0.75, 2]);
      // Adam's first step is the rate, towards the sign.
      expect(values()[1]![0]).toBeCloseTo(2.5, 6);
      expect([...(await of.state()).keys()].sort()).toEqual([
        'optimizer/count/plugin/p/b',
        'optimizer/count/student/a',
        'optimizer/m/plugin/p/b',
        'optimizer/momentum/student/a',
        'optimizer/v/plugin/p/b',
      ]);
    });

    it('is clipped by itself, and the rest without it', async () => {
      const of = updater({ clipNorm: 10 });
      apply(of, { 'student/a': [6, 0], 'plugin/p/b': [200] });
      expect(values()[0]).toEqual([1 - 6, 2]);
      const m = (await of.state()).get('optimizer/m/plugin/p/b')!;
      expect(m.data[0]).toBeCloseTo(0.1, 6);
    });

    it('is left alone where no gradient reaches it', () => {
      apply(updater(), { 'student/a': [1, 0] });
      expect(values()[1]).toEqual([3]);
    });

    it('goes on after a restore bit for bit', async () => {
      const first = updater();
      apply(first, { 'plugin/p/b': [0.3] });
      const [state, before] = [await first.state(), values()[1]!];
      apply(first, { 'plugin/p/b': [-0.9] });
      const straight = values();
      tf.tidy(() => variables[1]!.variable.assign(tf.tensor1d(before)));
      const second = updater();
      second.restore(state, 'a file');
      apply(second, { 'plugin/p/b': [-0.9] });
      expect(values()).toEqual(straight);
    });
  });

  it('leaves gradients below the norm alone', () => {
    const gradient = tf.tensor1d([0.3, 0.4]);
    const scale = clipScale([gradient], 1);
    expect(scale.dataSync()[0]).toBe(1);
    tf.dispose([gradient, scale]);
  });

  it('leaves a variable without a gradient as it is, its decay too', () => {
    apply(updater({ optimizer: { name: 'sgd', weightDecay: 0.5 } }), { 'plugin/p/b': [0] });
    // And the plugin's own decay of 0 stands against the optimiser's 0.5.
    expect(values()).toEqual([[1, 2], [3]]);
  });

  it('averages weights, shows them to an evaluation and takes them back', async () => {
    const ema = updater({ emaDecay: 0.5 });
    apply(ema, { 'student/a': [1, 1] }); // weights 0, 1: the average starts there
    apply(ema, { 'student/a': [1, 1] }); // weights -1, 0: average -0.5, 0.5
    await ema.withAverage(async () => expect(values()).toEqual([[-0.5, 0.5], [3]]));
    expect(values()).toEqual([[-1, 0], [3]]);
  });

  it('takes the weights back when the evaluation throws', async () => {
    const ema = updater({ emaDecay: 0.5 });
    apply(ema, { 'student/a': [1, 1] });
    apply(ema, { 'student/a': [1, 1] });
    await expect(ema.withAverage(() => Promise.reject(new Error('no data')))).rejects.toThrow('no data');
    expect(values()[0]).toEqual([-1, 0]);
  });

  it.each([{ name: 'sgd', momentum: 0.9 }, { name: 'adamw' }] as const)(
    'goes on after a restore bit for bit ($name)',
    async (optimizer) => {
      const first = updater({ optimizer, emaDecay: 0.9 });
      apply(first, { 'student/a': [0.1, -0.7], 'plugin/p/b': [0.3] }, 0.1);
      const state = await first.state();
      const before = values();
      apply(first, { 'student/a': [0.2, 0.1], 'plugin/p/b': [-0.9] }, 0.1);
      const [straight, straightState] = [values(), await first.state()];

      variables.forEach(({ variable }, i) => {
        const back = tf.tensor1d(before[i]!);
        variable.assign(back);
        back.dispose();
      });
      const second = updater({ optimizer, emaDecay: 0.9 });
      second.restore(state, 'a file');
      apply(second, { 'student/a': [0.2, 0.1], 'plugin/p/b': [-0.9] }, 0.1);
      expect(values()).toEqual(straight);
      expect(await second.state()).toEqual(straightState);
    },
  );

  it('refuses slots of another shape, naming the file and the slot', () => {
    const state = new Map([
      ['optimizer/momentum/student/a', { dtype: 'F32' as const, shape: [3], data: new Float32Array(3) }],
      ['optimizer/count/student/a', { dtype: 'I32' as const, shape: [], data: Int32Array.of(1) }],
    ]);
    expect(() => updater({ optimizer: { name: 'sgd', momentum: 0.9 } }).restore(state, 'step-1.json')).toThrow(
      /step-1\.json: optimizer\/momentum\/student\/a has shape \[3\]/,
    );
  });

  it('keeps the number of live tensors', () => {
    const of = updater({ optimizer: { name: 'adamw' }, emaDecay: 0.9, clipNorm: 1 });
    const gradients = { 'student/a': [1, 1], 'plugin/p/b': [1] };
    apply(of, gradients);
    const before = tf.memory().numTensors;
    for (let i = 0; i < 5; i++) apply(of, gradients);
    expect(tf.memory().numTensors).toBe(before);
  });
});
