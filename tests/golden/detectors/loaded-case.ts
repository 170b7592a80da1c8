import {
  createOptimizer,
  computeStep,
  createRng,
  deviceBatch,
  disposeAll,
  type Detector,
  type DetectorContext,
  type DetectorDefinition,
  type HostBatch,
  type HostTensor,
  loadDetector,
  parseOptions,
  type StepResult,
  toHost,
  trainedVariables,
  Updater,
} from '@kd/core';
import { inputTransform } from '@kd/data';
import { fcos } from '@kd/detector-fcos';
import { retinanet } from '@kd/detector-retinanet';
import { runOp } from '@kd/engine-tensorflow';
import { fromTorchvision, toTorchvision } from '@kd/weights';
import * as tf from '@tensorflow/tfjs-core';
import type { DetectorCase, GoldenTensors } from '../support/index.js';
import { createCase } from './faster-rcnn.js';
import { fcosOptions } from './fcos.js';
import type { DetectorIndex } from './index-file.js';
import { retinanetOptions } from './retinanet.js';

/** A detector with a case's weights, and its inputs. */
export interface LoadedCase {
  readonly index: DetectorIndex;
  readonly io: GoldenTensors;
  /** Under torch's names. */
  readonly weights: ReadonlyMap<string, HostTensor>;
  readonly detector: Detector;
  /** What torch adds to our labels: 1 where its 0 is the background. */
  readonly labelShift: number;
  /** The batch of a scenario; without one, of the images alone. */
  batch(scenario?: string): HostBatch;
}

function contextOf(classes: number): DetectorContext {
  const categories = Array.from({ length: classes }, (_, id) => ({ id, name: `class ${id}` }));
  return { categories, seed: 1, ...(tf.getBackend() === 'tensorflow' && { runOp }) };
}

const create = <Options, Input>(
  { definition }: { readonly definition: DetectorDefinition<Options> },
  options: Input,
  { name, config }: DetectorIndex,
): Detector => definition.create(parseOptions(definition.options, options, name), contextOf(config.num_classes));

const builders: Readonly<Record<string, (index: DetectorIndex, io: GoldenTensors, scenario?: string) => Detector>> = {
  retinanet: (index) => create(retinanet, retinanetOptions(index.config), index),
  fcos: (index) => create(fcos, fcosOptions(index.config), index),
  faster_rcnn: (index, io, scenario) => createCase(index, io, contextOf(index.config.num_classes - 1), scenario),
};

/** @param scenario how a two-stage detector samples */
export async function loadCase(one: DetectorCase, scenario?: string): Promise<LoadedCase> {
  const index = one.index as unknown as DetectorIndex;
  const labelShift = index.config.roi === undefined ? 0 : 1;
  const build = builders[index.detector];
  if (build === undefined)
    throw new Error(
      `detector "${index.detector}" is listed as built, but tests/golden/detectors/loaded-case.ts cannot build it.`,
    );
  const io = await one.tensors(index.tensors.file);
  const detector = build(index, io, scenario);
  const { all: weights } = await one.tensors(index.weights.file);
  loadDetector(detector, fromTorchvision(weights), `${one.name}/${index.weights.file}`);
  return {
    index,
    io,
    weights,
    detector,
    labelShift,
    batch: (of) =>
      inputTransform(
        index.images.map(({ tensor, height, width }, i) => {
          const image = { data: Uint8Array.from(io.get(tensor).values), height, width };
          if (of === undefined) return { image };
          const boxes = io.get(`targets/${of}/boxes${i}`).values;
          const labels = Array.from(io.get(`targets/${of}/labels${i}`).values, (label) => label - labelShift);
          return {
            image,
            labels,
            boxes: labels.map(
              (_, j) => [boxes[j * 4]!, boxes[j * 4 + 1]!, boxes[j * 4 + 2]!, boxes[j * 4 + 3]!] as const,
            ),
          };
        }),
        detector.input,
      ),
  };
}

/** Values by torch's name in torch's layout. */
export type TorchTensors = ReadonlyMap<string, Float32Array>;

/** One step without an update: losses, and gradients under torch's names. */
export async function stepOf(
  { detector, batch }: LoadedCase,
  scenario: string,
): Promise<{ readonly losses: Readonly<Record<string, number>>; readonly gradients: TorchTensors }> {
  const result = await onBatch(batch(scenario), (images, targets) => runStep(detector, images, targets));
  const losses = await lossesOf(result);
  const gradients = await underTorchNames(
    [...result.gradients].map(([path, tensor]) => [path.replace(/^student\//, ''), tensor]),
  );
  disposeAll([[...result.gradients.values()], result.updates.map(({ value }) => value)]);
  return { losses, gradients };
}

/** Runs SGD; losses before each step and after the last, and the variables in the end. */
export async function trajectoryOf({ index, detector, batch }: LoadedCase): Promise<{
  readonly losses: readonly Readonly<Record<string, number>>[];
  readonly variables: TorchTensors;
}> {
  const { steps, lr, momentum, weight_decay: weightDecay, scenario } = index.trajectory;
  const trained = trainedVariables(detector, []);
  const updater = new Updater(trained, createOptimizer({ name: 'sgd', momentum, weightDecay }), {
    clipNorm: null,
    emaDecay: null,
  });
  const losses: Readonly<Record<string, number>>[] = [];
  let variables: TorchTensors = new Map();
  for (let i = 0; i <= steps; i++) {
    // The last one only reads the losses: it may move neither weights nor running statistics.
    if (i === steps)
      variables = await underTorchNames(detector.variables.map(({ path, variable }) => [path, variable]));
    const result = await onBatch(batch(scenario), (images, targets) => runStep(detector, images, targets));
    losses.push(await lossesOf(result));
    if (i < steps) {
      updater.apply(result.gradients, lr);
      for (const { variable, value } of result.updates) variable.assign(value);
    }
    disposeAll([[...result.gradients.values()], result.updates.map(({ value }) => value)]);
  }
  updater.dispose();
  return { losses, variables };
}

export function runStep(
  detector: Detector,
  images: tf.Tensor4D,
  targets: Parameters<typeof computeStep>[2],
): StepResult {
  const models = {
    student: detector,
    teacher: null,
    distillers: [],
    taps: { student: [], teacher: [] },
    variables: trainedVariables(detector, []),
    rng: createRng(0),
  };
  return computeStep(models, images, targets, { step: 0, steps: 1, epoch: 0, epochs: 1, fraction: 0 });
}

export async function lossesOf({ names, terms }: StepResult): Promise<Readonly<Record<string, number>>> {
  const values = await terms.data();
  terms.dispose();
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}

async function underTorchNames(tensors: readonly (readonly [string, tf.Tensor])[]): Promise<TorchTensors> {
  const host = await Promise.all(tensors.map(async ([path, tensor]) => [path, await toHost(tensor)] as const));
  return new Map([...toTorchvision(new Map(host))].map(([name, { data }]) => [name, data as Float32Array]));
}

/** Puts a batch on the device for as long as `run` takes. */
export async function onBatch<T>(
  host: HostBatch,
  run: (images: tf.Tensor4D, targets: ReturnType<typeof deviceBatch>['targets']) => T | Promise<T>,
): Promise<T> {
  const { images, targets } = deviceBatch(host);
  try {
    return await run(images, targets);
  } finally {
    disposeAll([images, targets.boxes, targets.labels, targets.mask]);
  }
}
