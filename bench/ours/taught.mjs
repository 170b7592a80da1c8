// A student with a teacher for benchmarks of distillation, ResNet-18 and ResNet-50 under one kind of detector.
import {
  buildDetector,
  createDistillers,
  createRng,
  createServices,
  definePlugin,
  ENGINE,
  LOGGER,
  RNG,
  silentLogger,
  STUDENT,
  TapRegistry,
  TEACHER,
} from '@kd/core';
import { crosskd } from '@kd/plugin-crosskd';
import { engineWith, nameOf } from './engine.mjs';
import { trainingStep } from './training-step.mjs';

let engine;

/** Starts the engine and builds both models: `detector` is what the function of a detector package takes, and gives. */
export async function taught(detector, threads) {
  engine = engineWith(threads);
  const info = await engine.start();
  const categories = Array.from({ length: 80 }, (_, id) => ({ id, name: `class ${id}` }));
  const build = (backbone, seed) =>
    buildDetector(detector({ backbone }), { categories, seed, runOp: engine.runOp }).detector;
  return {
    student: build('resnet18', 1),
    teacher: build('resnet50', 2),
    engine: nameOf(info),
  };
}

/** The teacher is run where there is a distiller; this one asks for nothing. */
export const nothing = definePlugin({
  name: 'nothing',
  apiVersion: 1,
  options: crosskd.definition.options,
  requires: {},
  create: () => ({}),
});

/** A function that runs one step with its update, late in a training, and gives what `trainingStep` does. */
export function stepWith({ student, teacher }, plugins, watcher) {
  const services = createServices();
  for (const [token, value] of [
    [STUDENT, student],
    [TEACHER, teacher],
    [ENGINE, engine],
    [LOGGER, silentLogger],
    [RNG, createRng(0)],
  ])
    services.register(token, value);
  const registry = new TapRegistry({ student, teacher });
  const distillers = createDistillers(plugins, services, registry);
  const taps = { student: registry.requested('student'), teacher: registry.requested('teacher') };
  return trainingStep({ student, teacher, distillers, taps }, PROGRESS, engine, watcher);
}

/** Behind every warm-up and late start. */
const PROGRESS = { step: 2000, steps: 4000, epoch: 0, epochs: 1, fraction: 0.5 };
