import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { cpuEngine, toyDetector } from '@kd/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { plugin } from '../../test/distillation.js';
import { mimic } from '../../test/mimic.js';
import { checkpointNames, type Ran, removeFolders, run, temporaryFolder, toyConfig } from '../../test/toy-run.js';
import type { Config } from '../config.js';
import type { PluginScope } from '../contract/plugin.js';
import { KdError } from '../errors.js';

vi.setConfig({ testTimeout: 60_000 });

let tensors: number;
let teacher: Ran;
const rejected: unknown[] = [];
const remember = (reason: unknown): void => void rejected.push(reason);

beforeAll(async () => {
  await cpuEngine().start();
  teacher = await run(toyConfig({ epochs: 1, seed: 5 }));
  process.on('unhandledRejection', remember);
});
beforeEach(() => void (tensors = tf.memory().numTensors));
afterEach(() => {
  expect(tf.memory().numTensors, 'live tensors after the test').toBe(tensors);
  expect(rejected.splice(0)).toEqual([]);
});
afterAll(async () => {
  process.off('unhandledRejection', remember);
  await removeFolders();
});

/** A run with a plugin that works before the one that fails, and one behind it. */
const config = (create: (scope: PluginScope) => unknown, more: Partial<Config> = {}): Config =>
  toyConfig({
    teacher: { weights: teacher.out, detector: toyDetector({ size: 16 }) },
    distillers: [mimic({ pass: true }), plugin('bad', create), { ...mimic({}), as: 'behind' }],
    ...more,
  });

const oh = (): never => {
  throw new Error('oh');
};
/** Makes tensors before it fails, as hooks do. */
const inTheMiddle = (): never => {
  tf.zeros([3]);
  return oh();
};
const pass = (hooks: object) => ({ datasetPass: { every: 0, run: async () => new Map(), use: () => {}, ...hooks } });

type Case = readonly [hook: string, create: (scope: PluginScope) => unknown, message: RegExp, files: readonly string[]];
const nothing: readonly string[] = [];

describe('a plugin that throws', () => {
  it.each<Case>([
    ['create', oh, /^bad\.create threw: oh$/, nothing],
    [
      'create, after a variable was made',
      (scope) => (scope.variable('v', tf.zeros([2])), oh()),
      /^bad\.create threw: oh$/,
      nothing,
    ],
    ['featureTap', () => ({ featureTap: oh }), /^bad\.featureTap threw: oh$/, nothing],
    [
      'datasetPass.run',
      () => pass({ run: async () => oh() }),
      /^bad\.datasetPass threw before step 0 \(epoch 0\): oh$/,
      nothing,
    ],
    [
      'datasetPass.run, at once',
      () => pass({ run: oh }),
      /^bad\.datasetPass threw before step 0 \(epoch 0\): oh$/,
      nothing,
    ],
    [
      'datasetPass.run, between batches',
      () =>
        pass({
          run: async (view: { batches(): AsyncIterable<unknown> }) => {
            for await (const _ of view.batches()) oh();
          },
        }),
      /^bad\.datasetPass threw before step 0 \(epoch 0\): oh$/,
      nothing,
    ],
    ['datasetPass.use', () => pass({ use: oh }), /^bad\.datasetPass\.use threw: oh$/, nothing],
    ['headForward', () => ({ headForward: inTheMiddle }), /^bad\.headForward threw: oh$/, nothing],
    ['lossCompose', () => ({ lossCompose: inTheMiddle }), /^bad\.lossCompose threw: oh$/, nothing],
    ['stats', () => ({ stats: inTheMiddle }), /^bad\.stats threw: oh$/, nothing],
    ['schedule', () => ({ schedule: oh }), /^bad\.schedule threw: oh$/, nothing],
    ['state', () => ({ state: oh }), /^bad\.state threw: oh$/, nothing],
    [
      'state that is no Map',
      () => ({ state: () => ({ steps: 1 }) }),
      /^bad\.state threw: it must return a Map/,
      nothing,
    ],
    [
      'a run that returns nothing',
      () => pass({ run: async () => undefined }),
      /^bad\.datasetPass threw .*run returned undefined; it must return a Map/,
      nothing,
    ],
    [
      'a helper of core, in a step',
      () => ({ lossCompose: (step: { student: { tap(name: string): unknown } }) => step.student.tap('neck@p9') }),
      /^bad\.lossCompose: tap "neck@p9" of the student was not asked for/,
      nothing,
    ],
  ])('in %s: one error with plugin and hook, no tensor left, no half checkpoint', async (_, create, message, files) => {
    const out = await temporaryFolder();
    const error = await run(config(create), { out }).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(KdError);
    expect((error as KdError).message).toMatch(message);
    expect(await checkpointNames(out)).toEqual(files);
    // Neither summary.json, nor anything under a temporary name.
    const written = await readdir(out, { recursive: true });
    expect(written.filter((name) => /summary|tmp/.test(name))).toEqual([]);
    expect(written.filter((name) => name.startsWith(join('passes', 'bad')) && name.endsWith('.json'))).toEqual(
      /use/.test(message.source) ? [join('passes', 'bad', 'epoch-0.json')] : [],
    );
  });

  it('in restore: the run that cannot go on is left as it was', async () => {
    const state = () => new Map([['n', { dtype: 'F32' as const, shape: [1], data: Float32Array.of(1) }]]);
    const { out } = await run(
      config(() => ({ state })),
      { stopAt: 3 },
    );
    const before = await checkpointNames(out);
    await expect(
      run(
        config(() => ({ state, restore: oh })),
        { out, resume: true },
      ),
    ).rejects.toMatchObject({ code: 'PLUGIN_HOOK', message: 'bad.restore threw: oh' });
    expect(await checkpointNames(out)).toEqual(before);
    expect(
      (
        await run(
          config(() => ({ state })),
          { out, resume: true },
        )
      ).summary,
    ).toMatchObject({ steps: 12 });
  });

  it('in dispose: the training has ended well, so that it is a warning', async () => {
    const warnings: string[] = [];
    const create = (scope: PluginScope) => (scope.variable('v', tf.zeros([2])), { dispose: oh });
    const { summary } = await run(config(create, { epochs: 1 }), {
      logger: { info: () => {}, warn: (message) => void warnings.push(message) },
    });
    expect(summary).toMatchObject({ steps: 4 });
    expect(warnings).toEqual(['at the end of the run: bad.dispose threw: oh']);
  });
});

describe('a plugin that returns a promise', () => {
  const late = async (): Promise<never> => Promise.reject(new Error('late'));
  it.each<readonly [string, (scope: PluginScope) => unknown]>([
    ['create', late],
    ['featureTap', () => ({ featureTap: late })],
    ['datasetPass.use', () => pass({ use: late })],
    ['headForward', () => ({ headForward: late })],
    ['lossCompose', () => ({ lossCompose: late })],
    ['stats', () => ({ stats: late })],
    ['schedule', () => ({ schedule: late })],
  ])('in %s is refused by name, with the way out', async (hook, create) => {
    const why = /headForward|lossCompose|stats|schedule/.test(hook)
      ? 'hooks of a step run inside of the tape and must return at once'
      : 'nobody waits for it; it must return at once';
    await expect(run(config(create))).rejects.toMatchObject({
      code: 'PLUGIN_HOOK',
      message: `bad.${hook} returned a promise; ${why}. Use datasetPass.run for work that waits.`,
    });
  });

  it('in state is waited for', async () => {
    await expect(run(config(() => ({ state: late })))).rejects.toMatchObject({
      code: 'PLUGIN_HOOK',
      message: 'bad.state threw: late',
    });
  });

  it('in restore and dispose, too', async () => {
    const { out } = await run(
      config(() => ({})),
      { stopAt: 3 },
    );
    await expect(
      run(
        config(() => ({ restore: late })),
        { out, resume: true },
      ),
    ).rejects.toThrow(/^bad\.restore returned a promise; nobody waits for it/);
    const warnings: string[] = [];
    await run(
      config(() => ({ dispose: late }), { epochs: 1 }),
      { logger: { info: () => {}, warn: (message) => void warnings.push(message) } },
    );
    expect(warnings).toEqual([expect.stringMatching(/^at the end of the run: bad\.dispose returned a promise/)]);
  });

  it('is known by its then alone', async () => {
    await expect(
      run(
        config(() => ({
          lossCompose: () => ({ then: (_: unknown, fail: (reason: Error) => void) => fail(new Error('late')) }),
        })),
      ),
    ).rejects.toThrow(/^bad\.lossCompose returned a promise/);
  });
});
