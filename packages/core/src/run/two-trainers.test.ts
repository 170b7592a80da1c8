import * as tf from '@tensorflow/tfjs-core';
import { toyData, toyDetector } from '@kd/testing';
import { describe, expect, it } from 'vitest';
import { plugin } from '../../test/distillation.js';
import { mimic } from '../../test/mimic.js';
import { taught } from '../../test/taught.js';
import { lastState, of, type Ran, run, temporaryFolder, toyConfig } from '../../test/toy-run.js';
import type { Config } from '../config.js';
import type { Listener } from '../contract/listener.js';
import type { PluginScope, StepView } from '../contract/plugin.js';

const { teacher } = taught();

/** What the plugin "own" of a run saw of its scope. */
interface Seen {
  readonly scope: PluginScope;
  readonly variable: tf.Variable;
  readonly draws: number[];
}

/**
 * Uses all that could meet: a variable, random numbers, a state, a pass, an average, under the same ids in every run.
 */
function configOf(seed: number, seen: Seen[] = [], more: Partial<Config> = {}): Config {
  const own = plugin('own', (scope) => {
    const one: Seen = { scope, variable: scope.variable('gain', tf.scalar(scope.rng.uniform())), draws: [] };
    seen.push(one);
    let steps = 0;
    return {
      lossCompose: (step: StepView) => {
        one.draws.push(step.rng.uniform([]).dataSync()[0]!);
        return {
          a: tf.tidy(() => tf.mul(tf.square(tf.sub(one.variable, one.draws.at(-1)!)), 1 + ++steps)) as tf.Scalar,
        };
      },
      state: () => new Map([['steps', { dtype: 'F32' as const, shape: [1], data: Float32Array.of(steps) }]]),
    };
  });
  return toyConfig({
    seed,
    student: toyDetector({ size: 16, width: 4 + seed }),
    teacher: { weights: teacher(), detector: toyDetector({ width: 6, size: 16 }) },
    data: {
      train: toyData({ images: 8, size: 16, seed }),
      val: toyData({ images: 6, seed: 9, size: 16 }),
      workers: 0,
      augment: [{ name: 'flip', probability: 0.5 }],
    },
    distillers: [mimic({ noise: 0.5, pass: true }), own],
    ema: { decay: 0.8 },
    ...more,
  });
}

async function outcome({ out, events, summary }: Ran): Promise<unknown> {
  const logs = of(events, 'log').map(({ step, terms, total, lr }) => ({ step, terms, total, lr }));
  return { logs, metrics: summary!.metrics, ...(await lastState(out)) };
}

/** Writes down whose step it was, and lets the other one go. */
const marker = (name: string, order: string[]): Listener => ({
  name,
  on: async (event) => {
    if (event.type !== 'step') return;
    order.push(name);
    await new Promise((go) => setImmediate(go));
  },
});
/** A meeting after every step, so that each step of one lies between two of the other. */
function meeting(): Listener {
  let waiting: (() => void) | undefined;
  return {
    name: 'meeting',
    on: async (event) => {
      if (event.type !== 'step') return;
      if (waiting === undefined) return new Promise<void>((go) => void (waiting = go));
      waiting();
      waiting = undefined;
    },
  };
}
const changes = (order: readonly string[]): number => order.filter((name, i) => i > 0 && order[i - 1] !== name).length;

describe('two trainers in one process', () => {
  it('that take turns end as each would alone, bit for bit', async () => {
    const alone = [await outcome(await run(configOf(1))), await outcome(await run(configOf(2)))];
    const order: string[] = [];
    const meet = meeting();
    const both = await Promise.all([
      run(configOf(1), { listeners: [marker('a', order), meet] }),
      run(configOf(2), { listeners: [marker('b', order), meet] }),
    ]);
    expect(order).toHaveLength(24);
    expect(changes(order), `steps in turns: ${order.join('')}`).toBeGreaterThanOrEqual(12);
    expect([await outcome(both[0]), await outcome(both[1])]).toEqual(alone);
  });

  it('of the same config give the same, each with variables, scopes and random streams of its own', async () => {
    const seen: Seen[] = [];
    const both = await Promise.all([run(configOf(1, seen)), run(configOf(1, seen))]);
    expect(await outcome(both[0])).toEqual(await outcome(both[1]));
    const [a, b] = seen as [Seen, Seen];
    expect(a.draws).toHaveLength(12);
    expect(a.draws).toEqual(b.draws);
    expect(a.variable).not.toBe(b.variable);
    expect([a.variable.name, a.scope.student, a.scope.teacher]).not.toContain(b.variable.name);
    expect(a.scope.student).not.toBe(b.scope.student);
    expect(a.scope.teacher).not.toBe(b.scope.teacher);
  });

  it('where one is made while the other is in the middle, and ends before it', async () => {
    const alone = [
      await outcome(await run(configOf(1, [], { epochs: 5 }))),
      await outcome(await run(configOf(2, [], { epochs: 1 }))),
    ];
    const order: string[] = [];
    let second: Promise<Ran> | undefined;
    const begin: Listener = {
      name: 'begin',
      on: (event) => {
        if (event.type === 'step' && event.step === 3)
          second = run(configOf(2, [], { epochs: 1 }), { listeners: [marker('b', order)] });
      },
    };
    const first = await run(configOf(1, [], { epochs: 5 }), { listeners: [marker('a', order), begin] });
    expect(order.indexOf('b')).toBeGreaterThan(2);
    expect(order.lastIndexOf('b')).toBeLessThan(order.lastIndexOf('a'));
    expect([await outcome(first), await outcome(await second!)]).toEqual(alone);
  });

  it('where one fails in the middle of a step', async () => {
    const alone = await outcome(await run(configOf(1)));
    const bad = plugin('bad', () => ({
      lossCompose: ({ progress }: { progress: { step: number } }) => {
        if (progress.step === 5) throw new Error('oh');
        return {};
      },
    }));
    const order: string[] = [];
    const [whole, failed] = await Promise.allSettled([
      run(configOf(1), { listeners: [marker('a', order)] }),
      run(configOf(2, [], { distillers: [bad] }), { listeners: [marker('b', order)] }),
    ]);
    expect(failed).toMatchObject({ status: 'rejected', reason: { message: 'bad.lossCompose threw: oh' } });
    expect(order.lastIndexOf('b')).toBeLessThan(order.lastIndexOf('a'));
    expect(await outcome((whole as PromiseFulfilledResult<Ran>).value)).toEqual(alone);
  });

  it('where one has a plugin that leaks: the other hears nothing of it, not even in its passes', async () => {
    const kept: tf.Tensor[] = [];
    const leaky = plugin('leaky', () => ({ stats: () => (kept.push(tf.keep(tf.scalar(1))), {}) }));
    const heard: Record<'a' | 'b', string[]> = { a: [], b: [] };
    const into = (name: 'a' | 'b') => ({ info: () => {}, warn: (message: string) => void heard[name].push(message) });
    const waits = plugin('waits', () => ({
      lossCompose: () => ({}),
      // Long enough for steps of the other in the middle.
      datasetPass: {
        every: 0.25,
        run: async (view: { batches(): AsyncIterable<unknown> }) => {
          for await (const _ of view.batches()) await new Promise((go) => setTimeout(go, 5));
          return new Map();
        },
        use: () => {},
      },
    }));
    await Promise.all([
      run(configOf(1, [], { distillers: [leaky], epochs: 20 }), { logger: into('a') }),
      run(configOf(2, [], { distillers: [waits] }), { logger: into('b') }),
    ]);
    tf.dispose(kept);
    expect(heard.a).toEqual([expect.stringMatching(/^leaky\.stats leaves 1 tensor behind in every step/)]);
    expect(heard.b).toEqual([]);
  });

  it('leave the process as it was', async () => {
    const listeners = () => process.eventNames().map((name) => [name, process.listenerCount(name as 'exit')]);
    const before = listeners();
    await Promise.all([run(configOf(1)), run(configOf(2))]);
    expect(listeners()).toEqual(before);
    expect(process.exitCode).toBeUndefined();
  });

  it('in one folder: the second is refused, the first goes on', async () => {
    const out = await temporaryFolder();
    const [first, second] = await Promise.allSettled([run(configOf(1), { out }), run(configOf(2), { out })]);
    expect(first.status).toBe('fulfilled');
    expect(second).toMatchObject({
      status: 'rejected',
      reason: { code: 'RUN_FOLDER', message: expect.stringMatching(/another training of this process/) },
    });
    await run(configOf(1), { out, resume: true });
  });
});
