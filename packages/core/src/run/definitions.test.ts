import { cpuEngine, jsonFormat, toyData, toyDetector, toyMetric } from '@kd/testing';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { removeFolders, run, toyConfig } from '../../test/toy-run.js';
import { mimic } from '../../test/mimic.js';
import type { Config } from '../config.js';
import { STEP_KERNELS } from './step-kernels.js';
import { Trainer, type TrainerOptions } from './trainer.js';

const broken = <T extends object>(whole: T, members: Partial<Record<keyof T, unknown>>): T => ({
  ...whole,
  ...members,
});
const data = toyData({ images: 8, size: 16 });
const detector = toyDetector({ size: 16 });

/** An engine that declares all but these kernels. */
const without = (...names: string[]) =>
  broken(cpuEngine(), {
    capabilities: () => ({
      ...cpuEngine().capabilities(),
      kernels: new Set(STEP_KERNELS.filter((name) => !names.includes(name))),
    }),
  });

/** A detector whose `create` gives what `change` makes of a whole one. */
const creating = (change: (whole: object) => unknown): Config['student'] => ({
  ...detector,
  definition: broken(detector.definition, {
    create: (...of: Parameters<typeof detector.definition.create>) => change(detector.definition.create(...of)),
  }),
});

/** A data set that opens as `change` makes of a whole one. */
const opening = (change: (whole: Awaited<ReturnType<typeof data.open>>) => unknown) => ({
  data: { ...toyConfig().data, train: broken(data, { open: async (of: never) => change(await data.open(of)) }) },
});

beforeAll(async () => void (await cpuEngine().start()));
afterAll(removeFolders);

/** Definitions of every kind that lack a member, or have another thing in its place: what each is told as. */
describe('a definition that is not whole is refused by name', () => {
  test.each<[string, Partial<Config>, string | RegExp, string?]>([
    [
      'a detector',
      { student: { ...detector, definition: broken(detector.definition, { options: undefined, create: 'later' }) } },
      'the detector that the config imports cannot be used: options is missing; it must be a Standard Schema (of valibot, zod, …); create is the string "later"; it must be a function.',
    ],
    [
      'a detector without a definition',
      { student: { definition: null, options: {} } as never },
      'the detector that the config imports must be an object with name, apiVersion, options, create; got null.',
    ],
    [
      'what a detector creates',
      { student: creating((whole) => ({ ...whole, terms: undefined, capabilities: ['dense'], dispose: () => {} })) },
      'what create of detector "toy" returned cannot be used: capabilities is a list; it must be a Set; terms is missing; it must be a function.',
    ],
    [
      'a detector that creates nothing',
      { student: creating(() => undefined) },
      /^what create of detector "toy" returned must be an object with .*; got undefined\.$/,
    ],
    [
      'a detector that throws',
      {
        student: creating(() => {
          throw new TypeError('oh');
        }),
      },
      'detector "toy": create threw: oh',
      'PLUGIN_HOOK',
    ],
    [
      'a distiller',
      {
        teacher: { weights: 'nowhere' },
        distillers: [{ ...mimic(), definition: broken(mimic().definition, { requires: [] }) }],
      },
      'the distiller that the config imports cannot be used: requires is a list; it must be an object.',
    ],
    [
      'an engine',
      { engine: broken(cpuEngine(), { name: '' }) },
      /^the engine of the config cannot be used: name is the string ""/,
    ],
    [
      'what an engine starts',
      { engine: broken(cpuEngine(), { start: async () => undefined }) },
      /^what start of the engine "cpu" returned must be an object with name, backend.*; got undefined\.$/,
    ],
    [
      'what an engine can do',
      { engine: broken(cpuEngine(), { capabilities: () => ({ kernels: ['Add'] }) }) },
      /^what capabilities of the engine "cpu" returned cannot be used: kernels is a list; it must be a Set\.$/,
    ],
    [
      'an engine without a kernel that training asks for',
      { engine: without('Sum', 'NonMaxSuppressionV4') },
      'the engine "cpu" lacks the kernels NonMaxSuppressionV4, Sum of TensorFlow.js, which training asks for. Train on another engine, such as "tensorflow" or "wasm" (--engine); testEngine of @kd/testing tests one of your own.',
      'ENGINE_UNAVAILABLE',
    ],
    [
      'a metric',
      { evaluate: { metric: broken(toyMetric(), { primary: 5 }) } },
      'the metric of the config cannot be used: primary is the number "5"; it must be a text that is not empty.',
    ],
    [
      'what a metric returns',
      { epochs: 1, evaluate: { metric: broken(toyMetric(), { evaluate: () => ({ metrics: {} }) }) } },
      /^what evaluate of the metric "toy" returned cannot be used: perClass is missing; it must be a list/,
    ],
    [
      'a data source',
      { data: { ...toyConfig().data, val: broken(data, { spec: undefined, name: undefined }) } },
      'the data source of the config cannot be used: name is missing; it must be a text that is not empty; spec is missing; it must be an object.',
    ],
    [
      'a data set',
      opening((whole) => broken(whole, { images: {} })),
      /^the data set that "toy" opened cannot be used: images is an object; it must be a list\.$/,
    ],
    [
      'a data set that is none',
      opening(() => 3),
      /^the data set that "toy" opened must be an object with .*; got the number "3"\.$/,
    ],
    [
      'a loader',
      opening((whole) => broken(whole, { loader: () => ({ steps: 4, stats: {} }) })),
      'the loader of toy cannot be used: epoch is missing; it must be a function; close is missing; it must be a function.',
    ],
  ])('%s', async (_, config, message, code = 'PLUGIN_INVALID') => {
    await expect(run(toyConfig(config))).rejects.toMatchObject({
      code,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
    for (const variable of Object.values(tf.engine().registeredVariables)) variable.dispose();
  });

  test.each<[string, unknown, string]>([
    ['no options', undefined, 'the options of the Trainer must be an object with out, format; got undefined.'],
    ['no folder', { format: jsonFormat }, 'the options of the Trainer cannot be used: out is missing'],
    [
      'a format',
      { out: 'x', format: broken(jsonFormat, { write: undefined }) },
      'format, in the options of the Trainer, cannot be used: write is missing; it must be a function.',
    ],
    [
      'a listener',
      { out: 'x', format: jsonFormat, listeners: [{ name: 'ear', on: true }] },
      'a listener of the Trainer cannot be used: on is the boolean "true"; it must be a function.',
    ],
  ])('%s of a trainer', (_, options, message) => {
    expect(() => new Trainer(toyConfig(), options as TrainerOptions)).toThrow(
      expect.objectContaining({ code: 'PLUGIN_INVALID', message: expect.stringContaining(message) }),
    );
  });
});
