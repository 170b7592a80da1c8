import {
  computeStep,
  createOptimizer,
  deviceBatch,
  disposeAll,
  type Detector,
  type HostBatch,
  type NamedTensors,
  type StepResult,
  toHost,
  trainedVariables,
  Updater,
} from '@kd/core';
import type * as tf from '@tensorflow/tfjs-core';

/** Values by the other program's name in its layout. */
export type TheirTensors = ReadonlyMap<string, Float32Array>;

/** What a loaded case has for its steps. */
export interface Stepped {
  readonly index: {
    readonly trajectory?: {
      readonly steps: number;
      readonly lr: number;
      readonly momentum: number;
      readonly weight_decay: number;
      readonly scenario: string;
    };
  };
  readonly detector: Detector;
  /** Our tensors under the other program's names. */
  readonly toTheirs: (tensors: NamedTensors) => NamedTensors;
  batch(scenario?: string): HostBatch;
}

/** One step without an update: losses, and gradients under the other program's names. */
export async function stepOf(
  { detector, batch, toTheirs }: Stepped,
  scenario: string,
): Promise<{ readonly losses: Readonly<Record<string, number>>; readonly gradients: TheirTensors }> {
  const result = await onBatch(batch(scenario), (images, targets) => runStep(detector, images, targets));
  const losses = await lossesOf(result);
  const gradients = await underTheirNames(
    [...result.gradients].map(([path, tensor]) => [path.replace(/^student\//, ''), tensor]),
    toTheirs,
  );
  disposeAll([[...result.gradients.values()], result.updates.map(({ value }) => value)]);
  return { losses, gradients };
}

/** Runs SGD; losses before each step and after the last, and the variables in the end. The weights stay changed. */
export async function trajectoryOf({ index, detector, batch, toTheirs }: Stepped): Promise<{
  readonly losses: readonly Readonly<Record<string, number>>[];
  readonly variables: TheirTensors;
}> {
  const { steps, lr, momentum, weight_decay: weightDecay, scenario } = index.trajectory!;
  const updater = new Updater(trainedVariables(detector, []), createOptimizer({ name: 'sgd', momentum, weightDecay }), {
    clipNorm: null,
    emaDecay: null,
  });
  const losses: Readonly<Record<string, number>>[] = [];
  for (let i = 0; i <= steps; i++) {
    const result = await onBatch(batch(scenario), (images, targets) => runStep(detector, images, targets));
    losses.push(await lossesOf(result));
    // The last one only reads the losses: it moves neither weights nor running statistics.
    if (i < steps) {
      updater.apply(result.gradients, lr);
      for (const { variable, value } of result.updates) variable.assign(value);
    }
    disposeAll([[...result.gradients.values()], result.updates.map(({ value }) => value)]);
  }
  updater.dispose();
  const variables = detector.variables.map(({ path, variable }) => [path, variable] as const);
  return { losses, variables: await underTheirNames(variables, toTheirs) };
}

function runStep(detector: Detector, images: tf.Tensor4D, targets: Parameters<typeof computeStep>[2]): StepResult {
  const models = {
    student: detector,
    teacher: null,
    distillers: [],
    taps: { student: [], teacher: [] },
    variables: trainedVariables(detector, []),
    seed: 0,
  };
  return computeStep(models, images, targets, { step: 0, steps: 1, epoch: 0, epochs: 1, fraction: 0 });
}

async function lossesOf({ names, terms }: StepResult): Promise<Readonly<Record<string, number>>> {
  const values = await terms.data();
  terms.dispose();
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}

async function underTheirNames(
  tensors: readonly (readonly [string, tf.Tensor])[],
  toTheirs: Stepped['toTheirs'],
): Promise<TheirTensors> {
  const host = await Promise.all(tensors.map(async ([path, tensor]) => [path, await toHost(tensor)] as const));
  return new Map([...toTheirs(new Map(host))].map(([name, { data }]) => [name, data as Float32Array]));
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
    disposeAll([images, targets]);
  }
}
