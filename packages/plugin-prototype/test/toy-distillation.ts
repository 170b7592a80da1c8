import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  buildDetector,
  computeStep,
  createDistillers,
  createRng,
  createServices,
  DATASET,
  type Dataset,
  definePlugin,
  type Detector,
  type DetectorDefinition,
  deviceBatch,
  disposeAll,
  type Distiller,
  type HostBatch,
  type ImageRecord,
  type InstanceWeights,
  LOGGER,
  openRunFolder,
  type PluginDefinition,
  RNG,
  RUN_FOLDER,
  runPasses,
  STUDENT,
  TapRegistry,
  TEACHER,
  trainedVariables,
  type Use,
} from '@kd/core';
import { jsonFormat, toyData, toyDetector } from '@kd/testing';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { prototype, type PrototypeInput } from '../src/index.js';

export interface ToyOptions {
  readonly options?: PrototypeInput;
  readonly teacherWidth?: number;
  readonly images?: number;
  /** Annotations of the data set, changed. */
  readonly change?: (image: ImageRecord) => ImageRecord;
  /** The run folder of another run, to go on with. */
  readonly folder?: string;
}

export interface ToyStep {
  readonly terms: Readonly<Record<string, number>>;
  /** What the channel holds, [b, n] a level. */
  readonly weights: { readonly levels: number[][][]; readonly response: number[][]; readonly mask: number[][] };
  /** Gradients by path, of the distillation terms alone. */
  readonly gradients: ReadonlyMap<string, readonly number[]>;
}

/** The plugin at work on toy detectors and data, with a counter of the images that each network sees. */
export async function toyDistillation({
  options = {},
  teacherWidth = 4,
  images = 12,
  change = (image) => image,
  folder,
}: ToyOptions = {}) {
  const path = folder ?? (await mkdtemp(join(tmpdir(), 'kd-prototype-')));
  const opened = await toyData({ images }).open({ folder: path });
  const dataset: Dataset = { ...opened, images: opened.images.map(change) };
  const seen = { student: 0, teacher: 0 };
  const controller = { failAfter: Infinity };
  const build = (role: 'student' | 'teacher', use: Use<DetectorDefinition>, seed: number): Detector => {
    const { detector } = buildDetector(use, { categories: dataset.categories, seed });
    const forward: Detector['forward'] = (pixels, how) => {
      if (!how.training && role === 'teacher' && seen.teacher >= controller.failAfter)
        throw new Error('the power went');
      seen[role] += pixels.shape[0];
      return detector.forward(pixels, how);
    };
    // Connected to the student, as a total must be, and without a gradient of its own.
    return {
      ...detector,
      forward,
      terms: () => ({ none: tf.mul(tf.sum(detector.variables.find(({ trainable }) => trainable)!.variable), 0) }),
    };
  };
  const student = build('student', toyDetector() as Use<DetectorDefinition>, 1);
  const teacher = build('teacher', toyDetector({ width: teacherWidth }) as Use<DetectorDefinition>, 2);
  let weights: ToyStep['weights'] | undefined;
  const reader = definePlugin({
    name: 'reader',
    apiVersion: 1,
    options: v.strictObject({}),
    requires: {},
    create: () => ({
      lossCompose: (step) => {
        const { levels, response } = step.weights.get() as InstanceWeights;
        weights = {
          levels: levels.map((level) => level.arraySync()),
          response: response.arraySync(),
          mask: step.instances.mask.arraySync(),
        };
        return {};
      },
    }),
  });
  const said: string[] = [];
  const logger = {
    info: (message: string) => void said.push(message),
    warn: (message: string) => void said.push(`warning: ${message}`),
  };
  const services = createServices();
  services.register(STUDENT, student);
  services.register(TEACHER, teacher);
  services.register(DATASET, dataset);
  services.register(LOGGER, logger);
  services.register(RNG, createRng(0));
  const run = await openRunFolder(path);
  services.register(RUN_FOLDER, run);
  const registry = new TapRegistry({ student, teacher });
  const uses = [prototype(options), reader()] as unknown as readonly Use<PluginDefinition>[];
  const distillers: readonly Distiller[] = createDistillers(uses, services, registry);
  const plugin = distillers[0]!;

  return {
    path,
    plugin,
    seen,
    controller,
    said,
    dataset,
    student,
    teacher,
    /** The pass that is due before a step; 2 steps an epoch. */
    pass: (step = 0, resumed = false) =>
      runPasses(
        distillers,
        { step, epoch: step / 2, stepsPerEpoch: 2, resumed },
        {
          student,
          teacher,
          dataset,
          loader: { batchSize: 2, workers: 0, onBadImage: 'error' },
          folder: run,
          format: jsonFormat,
          rng: createRng(0),
          logger,
          run: {},
        },
      ),
    cacheFiles: () =>
      readdir(join(path, 'passes', 'prototype', 'cache')).then(
        (names) => names.sort(),
        () => [],
      ),
    batch: async (): Promise<HostBatch> => {
      const loader = dataset.loader({
        input: student.input,
        batchSize: 4,
        training: false,
        shuffle: false,
        dropLast: false,
        seed: 0,
        augment: [],
        workers: 0,
        onBadImage: 'error',
      });
      for await (const one of loader.epoch(0)) return one;
      throw new Error('no batch');
    },
    step: (batch: HostBatch, epoch = 0, epochs = 4): ToyStep => {
      const onDevice = deviceBatch(batch);
      try {
        const models = {
          student,
          teacher,
          distillers,
          taps: { student: registry.requested('student'), teacher: registry.requested('teacher') },
          variables: trainedVariables(student, distillers),
          seed: 0,
        };
        const result = computeStep(models, onDevice.images, onDevice.targets, {
          step: epoch * 2,
          steps: epochs * 2,
          epoch,
          epochs,
          fraction: epoch / epochs,
        });
        const values = [...result.terms.dataSync()];
        const gradients = new Map([...result.gradients].map(([name, gradient]) => [name, [...gradient.dataSync()]]));
        tf.dispose([result.terms, ...result.gradients.values(), ...result.updates.map(({ value }) => value)]);
        const terms = Object.fromEntries(
          result.names.map((name, i): [string, number] => [name, values[i]!]).filter(([name]) => name !== 'none'),
        );
        return { terms, weights: weights!, gradients };
      } finally {
        disposeAll(onDevice);
      }
    },
    dispose: async (keep = false) => {
      for (const one of [...distillers, student, teacher]) one.dispose();
      if (!keep) await rm(path, { recursive: true });
    },
  };
}
