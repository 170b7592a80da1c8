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
import * as tf from '@tensorflow/tfjs-core';
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

const plain = { apiVersion: 1, options: crosskd.definition.options, requires: {} };

/** Asks for nothing: a graph leaves the teacher out. */
export const nothing = definePlugin({ ...plain, name: 'nothing', create: () => ({}) });

/** Has backbone and neck of the teacher run: of their features it takes the mean, and of that next to nothing. */
export const listening = definePlugin({
  ...plain,
  name: 'listening',
  create: () => {
    let maps;
    return {
      featureTap: (taps) => void (maps = taps.of('teacher', 'neck@*')),
      lossCompose: (step) =>
        tf.tidy(() => ({ mean: tf.mul(1e-20, tf.addN(maps.map((map) => tf.mean(step.teacher.tap(map))))) })),
    };
  },
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
