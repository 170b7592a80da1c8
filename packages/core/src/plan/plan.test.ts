import { readdir } from 'node:fs/promises';
import { cpuEngine, jsonFormat, toyDetector } from '@kd/testing';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { plugin } from '../../test/distillation.js';
import { calls, mimic } from '../../test/mimic.js';
import { of, type Ran, removeFolders, run, temporaryFolder, toyConfig } from '../../test/toy-run.js';
import type { Config } from '../config.js';
import type { Plan } from '../contract/plan.js';
import { type Logger, silentLogger } from '../logger.js';
import { planRun, type PlanOptions } from './plan.js';

// Plain JavaScript convolutions on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

let tensors: number;
let teacher: Ran;
const distilled = (more: Partial<Config> = {}): Config =>
  toyConfig({
    teacher: { weights: teacher.out, detector: toyDetector({ width: 6, size: 16 }) },
    distillers: [mimic({ noise: 0.5 })],
    ema: { decay: 0.8 },
    ...more,
  });
const plan = (config: Config, options: Partial<PlanOptions> = {}): Promise<Plan> =>
  planRun(config, { format: jsonFormat, logger: silentLogger, ...options });
/** Everything temporary is made here, apart from what other processes make. */
let temporary: string;
const leftFolders = async (): Promise<string[]> =>
  (await readdir(temporary)).filter((name) => !name.startsWith('kd-run-'));

beforeAll(async () => {
  temporary = await temporaryFolder();
  vi.stubEnv('TMPDIR', temporary);
  await cpuEngine().start();
  teacher = await run(toyConfig({ student: toyDetector({ width: 6, size: 16 }), epochs: 1, seed: 5 }));
});
beforeEach(() => {
  tensors = tf.memory().numTensors;
  calls.length = 0;
});
afterEach(async () => {
  expect(tf.memory().numTensors, 'live tensors after the test').toBe(tensors);
  expect(await leftFolders()).toEqual([]);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await removeFolders();
});

describe('planRun', () => {
  it.each([
    ['with a teacher and a distiller', () => distilled()],
    ['with accumulated batches', () => distilled({ accumulate: 2 })],
    ['alone', () => toyConfig()],
  ])('has the losses and rates of the first two steps of the training, %s', async (_, config) => {
    const { measured, training } = await plan(config());
    const logs = of((await run(config())).events, 'log').slice(0, 2);
    expect(measured!.steps.map(({ terms, total, lr }) => ({ terms, total, lr }))).toEqual(
      logs.map(({ terms, total, lr }) => ({ terms, total, lr })),
    );
    expect(training.learningRate[0]).toEqual({ step: 1, value: logs[0]!.lr });
    expect(measured!.estimate).toBe(measured!.steps[1]!.seconds * training.steps);
    expect(measured!.steps[0]!.tensors).toBe(measured!.steps[1]!.tensors);
    expect(measured!.peakMemory).toBeGreaterThan(2 ** 26);
  });

  it('tells what every part is, needs, reads and adds', async () => {
    const { student, teacher: taught, distillers, data, training, engine, measured } = await plan(distilled());
    expect(engine.name).toBe('cpu');
    expect([student, taught]).toMatchObject([
      { name: 'toy', package: null, weights: null, input: { fixedSize: [16, 16] } },
      { name: 'toy', options: { width: 6 }, weights: expect.stringContaining('best.json') as string },
    ]);
    expect(student.trainable).toBeLessThanOrEqual(student.parameters);
    expect(data).toMatchObject({
      train: { images: 8 },
      val: { images: 6 },
      classes: ['red', 'blue'],
      augment: ['flip'],
    });
    const [one] = distillers;
    expect(one).toMatchObject({
      id: 'mimic',
      name: 'mimic',
      package: null,
      preset: null,
      options: { weight: 1, noise: 0.5 },
      requires: { student: ['dense'], teacher: ['dense'] },
      pass: null,
    });
    expect(one!.variables).toEqual([{ path: 'mimic/adapter', shape: [1, 1, 4, 6], trainable: true }]);
    expect(training.trained).toBe(student.trainable + 4 * 6);
    expect(measured!.steps[0]!.batch).toEqual([2, 16, 16, 3]);
    for (const { student: own, teacher: other, stride } of one!.pairs) {
      expect(one!.taps.student.find(({ name }) => name === own)).toMatchObject({
        stride,
        shape: [2, 16 / stride, 16 / stride, 4],
      });
      expect(one!.taps.teacher.find(({ name }) => name === other)).toMatchObject({
        stride,
        shape: [2, 16 / stride, 16 / stride, 6],
      });
    }
    expect(one!.pairs.length).toBeGreaterThan(0);
    expect(training).toMatchObject({
      epochs: 3,
      stepsPerEpoch: 4,
      steps: 12,
      batchSize: 2,
      accumulate: 1,
      ema: { decay: 0.8 },
      optimizer: { name: 'sgd', lr: 0.02 },
      evaluate: { every: 1, metric: 'toy', options: null },
    });
    // mimic: 1 - fraction / 2
    expect(one!.factor).toEqual([
      { step: 1, value: 1 },
      { step: 12, value: 1 - 11 / 24 },
    ]);
  });

  it('tells what a method that wants a trained student says of one that is not; a run that goes on does not', async () => {
    const { definition, options } = mimic();
    const taught = (more: Partial<Config> = {}): Config =>
      distilled({ distillers: [{ definition: { ...definition, untrained: 'train it first' }, options }], ...more });
    const told = async (work: (logger: Logger) => Promise<unknown>): Promise<string[]> => {
      const lines: string[] = [];
      await work({ ...silentLogger, info: (line) => void lines.push(line) });
      return lines.filter((line) => line.startsWith('mimic: '));
    };
    const { out } = await run(toyConfig({ epochs: 1 }));
    expect(await told((logger) => plan(taught(), { logger, steps: 0 }))).toEqual(['mimic: train it first']);
    expect(await told((logger) => plan(taught({ init: out }), { logger, steps: 0 }))).toEqual([]);
    const begun = await temporaryFolder();
    expect(await told((logger) => run(taught(), { out: begun, logger, stopAt: 1 }))).toEqual(['mimic: train it first']);
    expect(await told((logger) => run(taught(), { out: begun, logger, resume: true }))).toEqual([]);
  });

  it('is plain data', async () => {
    const planned = await plan(distilled());
    expect(JSON.parse(JSON.stringify(planned))).toEqual(planned);
  });

  it('without steps builds the same and runs none', async () => {
    const [without, whole] = [
      await plan(distilled({ distillers: [mimic({ pass: true })] }), { steps: 0 }),
      await plan(distilled({ distillers: [mimic({ pass: true })] })),
    ];
    expect(without.measured).toBeNull();
    expect(without.distillers[0]!.taps.student.map(({ shape }) => shape)).toEqual(
      without.distillers[0]!.taps.student.map(() => null),
    );
    expect(without.distillers[0]!.pass).toEqual({ every: 2, times: 2, measured: null });
    expect({ ...without.training, ...without.student }).toEqual({ ...whole.training, ...whole.student });
    expect(calls.filter((call) => call.startsWith('run'))).toEqual(['run mimic 0']);
  });

  it('runs passes over the first images', async () => {
    const seen: number[] = [];
    const folders: string[] = [];
    const counting = plugin('counting', () => ({
      datasetPass: {
        every: { steps: 5 },
        run: async (view: {
          images: readonly unknown[];
          batches(): AsyncIterable<{ batch: { ids: readonly unknown[] } }>;
          progress(done: number, of: number): void;
        }) => {
          let done = 0;
          for await (const { batch } of view.batches()) view.progress((done += batch.ids.length), view.images.length);
          seen.push(view.images.length, done);
          folders.push(...(await leftFolders()));
          return new Map();
        },
        use: () => {},
      },
    }));
    const told: [string, number, number][] = [];
    const { distillers } = await plan(distilled({ distillers: [counting] }), {
      passImages: 3,
      onPass: (...args) => void told.push(args),
    });
    expect(seen).toEqual([3, 3]);
    expect(folders, 'a folder while it runs, which is gone afterwards').toEqual([expect.stringMatching(/^kd-plan-/)]);
    expect(told).toEqual([
      ['counting', 2, 3],
      ['counting', 3, 3],
    ]);
    expect(distillers[0]!.pass).toMatchObject({ every: { steps: 5 }, times: 3, measured: { images: 3 } });
    await plan(distilled({ distillers: [counting] }));
    expect(seen.slice(2), 'never more than there are').toEqual([8, 8]);
  });

  it('with a pass over all images has the losses of the training, too', async () => {
    const config = distilled({ distillers: [mimic({ pass: true })] });
    const { measured } = await plan(config);
    expect(measured!.steps[0]!.terms).toEqual(of((await run(config)).events, 'log')[0]!.terms);
    expect((await plan(config, { passImages: 2 })).measured!.steps[0]!.terms).not.toEqual(measured!.steps[0]!.terms);
  });

  it('says of a pass that fails that it saw some images only', async () => {
    const picky = plugin('picky', () => ({
      datasetPass: {
        every: 0,
        run: async () => {
          throw new Error('too few');
        },
        use: () => {},
      },
    }));
    await expect(plan(distilled({ distillers: [picky] }), { passImages: 2 })).rejects.toMatchObject({
      code: 'PLUGIN_HOOK',
      message: expect.stringMatching(
        /too few \(The pass of picky ran over the first 2 of 8 images only; let the plan pass over all 8\.\)$/,
      ),
    });
    await expect(plan(distilled({ distillers: [picky] }))).rejects.toThrow(/too few$/);
  });

  it('runs one step where there is one only', async () => {
    const { measured, training } = await plan(distilled({ epochs: 1, batchSize: 8 }));
    expect(training.steps).toBe(1);
    expect(measured!.steps).toHaveLength(1);
  });

  it('goes on to the second epoch where an epoch has one step', async () => {
    const config = distilled({ batchSize: 8 });
    const { measured } = await plan(config);
    expect(measured!.steps.map(({ total }) => total)).toEqual(
      of((await run(config)).events, 'log')
        .slice(0, 2)
        .map(({ total }) => total),
    );
  });

  it.each([
    ['a misspelt key', () => ({ ...distilled(), epoch: 1 }) as Config],
    ['a teacher of another input', () => distilled({ student: toyDetector({ size: 48 }) })],
    ['a teacher that is not there', () => distilled({ teacher: { weights: 'nowhere', detector: toyDetector() } })],
    ['distillers without a teacher', () => toyConfig({ distillers: [mimic({})] })],
    ['too few images', () => toyConfig({ batchSize: 4, accumulate: 3 })],
  ])('fails on %s as training does', async (_, config) => {
    const failure = (promise: Promise<unknown>): Promise<unknown> =>
      promise.then(
        () => null,
        (error: Error & { code: string }) => [error.code, error.message],
      );
    const told = await failure(plan(config()));
    expect(told).not.toBeNull();
    expect(told).toEqual(await failure(Promise.resolve().then(() => run(config()))));
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const stopping = plugin('stopping', () => ({ lossCompose: () => (stop.abort(reason), {}) }));
    await expect(plan(distilled({ distillers: [stopping] }), { signal: stop.signal })).rejects.toBe(reason);
  });
});
