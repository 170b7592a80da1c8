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

const progressAt = (step: number): Progress => ({ step, steps: STEPS, epoch: 0, epochs: 1, fraction: step / STEPS });

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
    rng: createRng(0),
  };
  const updater = new Updater(variables, createOptimizer({ name: 'sgd' }), { clipNorm: 1, emaDecay: null });
  return {
    student,
    teacher,
    distillers,
    models,
    step: (batch, at) => {
      const onDevice = deviceBatch(batch);
      try {
        const { names, terms, gradients, updates } = computeStep(
          models,
          onDevice.images,
          onDevice.targets,
          progressAt(at),
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
