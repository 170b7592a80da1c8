import * as tf from '@tensorflow/tfjs-core';
import { cpuEngine, toyData, toyDetector } from '@kd/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { plugin } from '../../test/distillation.js';
import { mimic } from '../../test/mimic.js';
import { type Ran, removeFolders, run, toyConfig } from '../../test/toy-run.js';
import type { Config } from '../config.js';
import type { Hooks, PassView, PluginScope, StepView } from '../contract/plugin.js';
import type { Use } from '../define.js';

vi.setConfig({ testTimeout: 60_000 });

let tensors: number;
let teacher: Ran;
/** Everything that a plugin of a test leaves behind. */
const leaked: tf.Tensor[] = [];
const leak = <T extends tf.Tensor>(tensor: T): T => (leaked.push(tensor), tensor);

beforeAll(async () => {
  await cpuEngine().start();
  teacher = await run(toyConfig({ epochs: 1, seed: 5 }));
});
beforeEach(() => void (tensors = tf.memory().numTensors));
afterEach(() => {
  tf.dispose(leaked.splice(0));
  expect(tf.memory().numTensors, 'live tensors after the test').toBe(tensors);
});
afterAll(removeFolders);

/** Warnings of a run of twelve steps. */
async function warnings(distillers: readonly Use<never>[], more: Partial<Config> = {}): Promise<string[]> {
  const said: string[] = [];
  const logger = { info: () => {}, warn: (message: string) => void said.push(message) };
  await run(
    toyConfig({
      teacher: { weights: teacher.out, detector: toyDetector({ size: 16 }) },
      distillers: distillers as Config['distillers'] & object,
      evaluate: { ...toyConfig().evaluate, every: 0 },
      ...more,
    }),
    { logger },
  );
  return said;
}

const term = { lossCompose: (): Record<string, tf.Scalar> => ({ a: tf.scalar(0) }) } satisfies Hooks;
const leaky = (hooks: (scope: PluginScope) => unknown): Use<never> =>
  plugin('leaky', (scope) => ({ ...term, ...(hooks(scope) as object) })) as Use<never>;
const good = mimic({}) as Use<never>;

describe('a plugin that leaks tensors', () => {
  const keeps = (count: number) => () => void Array.from({ length: count }, () => leak(tf.keep(tf.zeros([2]))));
  it.each<[string, (scope: PluginScope) => unknown, string]>([
    ['headForward', () => ({ headForward: keeps(2) }), '2 tensors'],
    ['lossCompose', () => ({ lossCompose: () => tf.tidy(() => (keeps(1)(), { a: tf.scalar(1) })) }), '1 tensor'],
    ['stats', () => ({ stats: () => (keeps(3)(), {}) }), '3 tensors'],
    ['schedule', () => ({ schedule: () => (keeps(1)(), 1) }), '1 tensor'],
    ['headForward', () => ({ headForward: () => void leak(tf.variable(tf.zeros([3]))) }), '1 tensor'],
    // What is traced, too: a tap of the student, whose gradient the tape knows.
    [
      'lossCompose',
      () =>
        ({
          featureTap: (taps) => void taps.of('student', 'neck@p3'),
          lossCompose: ({ student }: StepView) => ({
            a: tf.tidy(() => tf.mean(leak(tf.keep(tf.square(student.tap('neck@p3')))))) as tf.Scalar,
          }),
        }) satisfies Hooks,
      '1 tensor',
    ],
  ])('in %s is told once, by name, number and way out', async (hook, hooks, count) => {
    expect(await warnings([good, leaky(hooks)])).toEqual([
      expect.stringMatching(
        new RegExp(
          `^leaky\\.${hook} leaves ${count} behind in every step: memory grows.*tf\\.tidy.*scope\\.variable.*testPlugin`,
        ),
      ),
    ]);
  });

  it('in two hooks is told for both', async () => {
    expect(await warnings([leaky(() => ({ headForward: keeps(1), stats: () => (keeps(2)(), {}) }))])).toEqual([
      expect.stringMatching(/^leaky\.headForward leaves 1 tensor /),
      expect.stringMatching(/^leaky\.stats leaves 2 tensors /),
    ]);
  });

  it('trains as it would have: looking changes no number', async () => {
    const losses = async (hooks: object) => {
      const found: number[] = [];
      await run(
        toyConfig({
          teacher: { weights: teacher.out, detector: toyDetector({ size: 16 }) },
          distillers: [good, leaky(() => hooks)],
        }),
        {
          listeners: [{ name: 'losses', on: (event) => void (event.type === 'log' && found.push(event.total)) }],
        },
      );
      return found;
    };
    expect(await losses({ headForward: keeps(1) })).toEqual(await losses({}));
  });

  it('in the passes, in use and in state is told when it does so every time', async () => {
    const pass = (run: () => void, use: () => void) => ({
      datasetPass: { every: 1, run: async (_: PassView) => (run(), new Map()), use },
    });
    const every = { epochs: 4 };
    expect(await warnings([leaky(() => pass(keeps(2), () => {}))], every)).toEqual([
      expect.stringMatching(/^leaky\.datasetPass\.run leaves 2 tensors behind every time/),
    ]);
    expect(await warnings([leaky(() => pass(() => {}, keeps(1)))], every)).toEqual([
      expect.stringMatching(/^leaky\.datasetPass\.use leaves 1 tensor behind every time/),
    ]);
    expect(await warnings([leaky(() => ({ state: () => (keeps(1)(), new Map()) }))], every)).toEqual([
      expect.stringMatching(/^leaky\.state leaves 1 tensor behind every time/),
    ]);
  });

  it('is not blamed on plugins: a detector that leaks', async () => {
    const student = toyDetector({ size: 16 });
    const definition = {
      ...student.definition,
      create: (...all: Parameters<typeof student.definition.create>) => {
        const detector = student.definition.create(...all);
        return {
          ...detector,
          terms: (...more: Parameters<typeof detector.terms>) => (keeps(1)(), detector.terms(...more)),
        };
      },
    };
    expect(await warnings([good], { student: { ...student, definition } as Config['student'] })).toEqual([
      expect.stringMatching(
        /^every step leaves 1 tensor behind, and no hook of a plugin keeps them.*\(toy\).*testDetector/,
      ),
    ]);
  });
});

describe('a plugin that keeps tensors and does not leak', () => {
  it('is left in peace: a cache of once, one for each size of images, and tensors that are exchanged', async () => {
    const once = leaky(() => {
      let cache: tf.Tensor | undefined;
      return { headForward: () => void (cache ??= leak(tf.keep(tf.zeros([2])))) };
    });
    expect(await warnings([once])).toEqual([]);
    const sizes = new Set<string>();
    const perSize = leaky(() => ({
      headForward: ({ targets }: StepView) => {
        if (sizes.has(String(targets.paddedSize))) return;
        sizes.add(String(targets.paddedSize));
        leak(tf.keep(tf.zeros([2])));
      },
    }));
    // One batch of each of six sizes, which all come once an epoch.
    const growing = {
      ...toyData(),
      open: async (at: { folder: string }) => {
        const data = await toyData({ images: 12, size: 16 }).open(at);
        const loader: typeof data.loader = (options) => {
          const inner = data.loader(options);
          return Object.assign(Object.create(inner) as typeof inner, {
            steps: inner.steps,
            stats: inner.stats,
            close: () => inner.close(),
            async *epoch(epoch: number, from = 0) {
              let i = from;
              for await (const batch of inner.epoch(epoch, from)) {
                const side = 16 + 8 * (i++ % 6);
                yield {
                  ...batch,
                  images: new Float32Array(batch.shape[0] * side * side * 3),
                  shape: [batch.shape[0], side, side, 3] as const,
                };
              }
            },
          });
        };
        return { ...data, loader };
      },
    };
    expect(await warnings([perSize], { data: { train: growing, workers: 0 }, epochs: 2 })).toEqual([]);
    expect(sizes.size).toBe(6);
    const exchanged = leaky(() => {
      let last: tf.Tensor | undefined;
      return {
        headForward: () => {
          last?.dispose();
          last = leak(tf.keep(tf.zeros([2])));
        },
      };
    });
    expect(await warnings([exchanged])).toEqual([]);
    // Beside one that leaks, too.
    const innocent = { ...exchanged, as: 'innocent' } as Use<never>;
    expect(await warnings([innocent, leaky(() => ({ stats: () => (leak(tf.keep(tf.scalar(1))), {}) }))])).toEqual([
      expect.stringMatching(/^leaky\.stats/),
    ]);
  });
});
