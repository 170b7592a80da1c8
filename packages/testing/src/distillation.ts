import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  buildDetector,
  computeStep,
  createDistillers,
  createOptimizer,
  createRng,
  createServices,
  DATASET,
  type Dataset,
  type Detector,
  type DetectorDefinition,
  deviceBatch,
  disposeAll,
  type Distiller,
  ENGINE,
  type Engine,
  type HostBatch,
  LOGGER,
  openRunFolder,
  type PluginDefinition,
  type Progress,
  RNG,
  RUN_FOLDER,
  runPasses,
  type Services,
  silentLogger,
  type StepModels,
  STUDENT,
  TapRegistry,
  TEACHER,
  trainedVariables,
  Updater,
  type Use,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { valuesOf } from './detector-step.js';
import { jsonFormat } from './json-format.js';
import { toyCategories } from './toy-batch.js';
import { toyData } from './toy-data.js';

const STEPS = 20;

/** A student, a teacher and plugins at work on toy data. */
export interface Distillation {
  readonly student: Detector;
  readonly teacher: Detector;
  readonly distillers: readonly Distiller[];
  readonly models: StepModels;
  readonly updater: Updater;
  /** Of the step `at`, counted from the first in which the terms of every plugin count. */
  progress(at: number): Progress;
  /** One step with its update: the terms by name. */
  step(batch: HostBatch, at: number): Readonly<Record<string, number>>;
  /** Values of what the optimiser moves, by path. */
  values(): Readonly<Record<string, readonly number[]>>;
  dispose(): Promise<void>;
}

export interface DistillationOptions {
  readonly plugins: readonly Use<PluginDefinition>[];
  readonly student: Use<DetectorDefinition>;
  readonly teacher: Use<DetectorDefinition>;
  readonly engine: Engine;
}

/** Where the terms of every plugin count: a schedule may start at 0. */
function firstStep(distillers: readonly Distiller[]): number {
  const counts = (step: number): boolean => distillers.every(({ factor }) => factor(progressAt(step, step)) !== 0);
  const found = Array.from({ length: MOST_SILENT }, (_, step) => step).find(counts);
  return found ?? 0;
}

/** A schedule that starts later than this is not waited for. */
const MOST_SILENT = 10_000;

const progressAt = (step: number, first: number): Progress => {
  const steps = first + STEPS;
  return { step, steps, epoch: 0, epochs: 1, fraction: step / steps };
};

/** Sets everything up as the trainer does, data set passes included. */
export async function distillation({
  plugins,
  student: studentUse,
  teacher: teacherUse,
  engine,
}: DistillationOptions): Promise<Distillation> {
  const student = buildDetector(studentUse, { categories: toyCategories, seed: 1 }).detector;
  const teacher = buildDetector(teacherUse, { categories: toyCategories, seed: 2 }).detector;
  const path = await mkdtemp(join(tmpdir(), 'kd-suite-'));
  const dataset = await toyData({ images: 4 }).open({ folder: path });
  const folder = await openRunFolder(path);
  const services = runServices({ student, teacher, dataset, engine });
  services.register(RUN_FOLDER, folder);
  let distillers: readonly Distiller[] = [];
  const free = async (): Promise<void> => {
    for (const one of [...distillers, student, teacher]) one.dispose();
    await rm(path, { recursive: true });
  };
  const registry = new TapRegistry({ student, teacher });
  try {
    distillers = createDistillers(plugins, services, registry);
    const loader = { batchSize: 2, workers: 0, onBadImage: 'error' } as const;
    await runPasses(
      distillers,
      { step: 0, epoch: 0, stepsPerEpoch: 2, resumed: false },
      {
        student,
        teacher,
        dataset,
        loader,
        folder,
        format: jsonFormat,
        rng: createRng(0),
        logger: silentLogger,
        run: {},
      },
    );
  } catch (error) {
    await free();
    throw error;
  }
  const variables = trainedVariables(student, distillers);
  const models: StepModels = {
    student,
    teacher,
    distillers,
    taps: { student: registry.requested('student'), teacher: registry.requested('teacher') },
    variables,
    seed: 0,
  };
  const updater = new Updater(variables, createOptimizer({ name: 'sgd' }), { clipNorm: 1, emaDecay: null });
  const first = firstStep(distillers);
  const progress = (at: number): Progress => progressAt(first + at, first);
  return {
    student,
    teacher,
    distillers,
    models,
    updater,
    progress,
    step: (batch, at) => {
      const onDevice = deviceBatch(batch);
      try {
        const { names, terms, gradients, updates } = computeStep(
          models,
          onDevice.images,
          onDevice.targets,
          progress(at),
        );
        updater.apply(gradients, 0.01);
        for (const { variable, value } of updates) variable.assign(value);
        const values = valuesOf(terms);
        tf.dispose([terms, ...gradients.values(), ...updates.map(({ value }) => value)]);
        return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
      } finally {
        disposeAll(onDevice);
      }
    },
    values: () => Object.fromEntries(variables.map(({ path: name, variable }) => [name, valuesOf(variable)])),
    dispose: async () => {
      updater.dispose();
      await free();
    },
  };
}

/** The services that plugins find in a run. */
function runServices({
  student,
  teacher,
  dataset,
  engine,
}: {
  readonly student: Detector;
  readonly teacher: Detector;
  readonly dataset: Dataset;
  readonly engine: Engine;
}): Services {
  const services = createServices();
  services.register(STUDENT, student);
  services.register(TEACHER, teacher);
  services.register(DATASET, dataset);
  services.register(ENGINE, engine);
  services.register(LOGGER, silentLogger);
  services.register(RNG, createRng(0));
  return services;
}
