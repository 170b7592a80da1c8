import * as tf from '@tensorflow/tfjs-core';
import { cpuEngine, toyData, toyDetector, type ToyInput } from '@kd/testing';
import { buildDetector } from '../src/run/build.js';
import { createServices, LOGGER, RNG, STUDENT, TEACHER } from '../src/container.js';
import type { HostBatch } from '../src/contract/data.js';
import type { Hooks, PluginDefinition, PluginScope, Progress } from '../src/contract/plugin.js';
import { definePlugin, type Use } from '../src/define.js';
import { silentLogger } from '../src/logger.js';
import { createDistillers } from '../src/plugins/plugin-host.js';
import { createRng } from '../src/rng.js';
import type { StepModels } from '../src/step/step-models.js';
import { computeStep, deviceBatch, type StepResult } from '../src/step/step.js';
import { TapRegistry } from '../src/plugins/taps.js';
import { disposeAll } from '../src/tidy.js';
import { trainedVariables } from '../src/variables.js';
import * as v from 'valibot';

export const progress = (step = 0): Progress => ({ step, steps: 10, epoch: 0, epochs: 1, fraction: step / 10 });

/** A plugin of a test: hooks, and perhaps what it requires. */
export function plugin(
  name: string,
  create: (scope: PluginScope) => unknown,
  more: Partial<PluginDefinition> = {},
): Use<PluginDefinition> {
  return definePlugin<Record<string, never>>({
    name,
    apiVersion: 1,
    options: v.strictObject({}),
    requires: {},
    create: (scope: PluginScope) => create(scope) as Hooks,
    ...more,
  } as never)();
}

export async function toyBatch(images = 4): Promise<HostBatch> {
  const data = await toyData({ images }).open({ folder: '.' });
  const loader = data.loader({
    input: student().input,
    batchSize: images,
    training: true,
    shuffle: false,
    dropLast: false,
    seed: 0,
    augment: [],
    workers: 0,
    onBadImage: 'error',
  });
  for await (const batch of loader.epoch(0)) return batch;
  throw new Error('no batch');
}

const categories = [
  { id: 1, name: 'red' },
  { id: 2, name: 'blue' },
];
const built: { dispose(): void }[] = [];

export function student(options: ToyInput = {}, seed = 1) {
  const { detector } = buildDetector(toyDetector(options) as never, { categories, seed });
  built.push(detector);
  return detector;
}

/** Student, teacher and plugins, ready for steps. */
export async function distillation(
  uses: readonly Use<PluginDefinition>[],
  options: { teacher?: ToyInput; student?: ToyInput } = {},
) {
  await cpuEngine().start();
  const [of, from] = [student(options.student, 1), student(options.teacher, 2)];
  const services = createServices();
  services.register(STUDENT, of);
  services.register(TEACHER, from);
  services.register(RNG, createRng(0));
  services.register(LOGGER, silentLogger);
  const registry = new TapRegistry({ student: of, teacher: from });
  const distillers = createDistillers(uses, services, registry);
  built.push(...distillers);
  const models: StepModels = {
    student: of,
    teacher: from,
    distillers,
    taps: { student: registry.requested('student'), teacher: registry.requested('teacher') },
    variables: trainedVariables(of, distillers),
    seed: 0,
  };
  return { student: of, teacher: from, distillers, models, services };
}

export function step(models: StepModels, batch: HostBatch, at = progress()): StepResult {
  const onDevice = deviceBatch(batch);
  try {
    return computeStep(models, onDevice.images, onDevice.targets, at);
  } finally {
    const { images, targets } = onDevice;
    disposeAll([images, targets]);
  }
}

export function disposeResult({ terms, gradients, updates }: StepResult): void {
  tf.dispose([terms, ...gradients.values(), ...updates.map(({ value }) => value)]);
}

/** All gradients as plain numbers; takes the result over. */
export function gradientsOf(result: StepResult): Record<string, number[]> {
  const gradients = Object.fromEntries(
    [...result.gradients].map(([path, gradient]) => [path, [...gradient.dataSync()]]),
  );
  disposeResult(result);
  return gradients;
}

/** Values of the terms by name; takes the result over. */
export function termsOf(result: StepResult): Record<string, number> {
  const values = result.terms.dataSync();
  const named = Object.fromEntries(result.names.map((name, i) => [name, values[i]!]));
  disposeResult(result);
  return named;
}

export function disposeBuilt(): void {
  for (const one of built.splice(0)) one.dispose();
}
