import * as tf from '@tensorflow/tfjs-core';
import type {
  Assignment,
  Detector,
  DetectorOutput,
  Instances,
  Priors,
  RegionStep,
  TapInfo,
  Targets,
} from '../contract/detector.js';
import type { InstanceOutput, ModelView, Progress, StepView } from '../contract/plugin.js';
import { KdError } from '../errors.js';
import { instanceOutput } from './instance-output.js';
import { priorInstances, regionInstances } from './instances.js';
import type { Kept } from './kept.js';
import type { Distiller } from '../plugins/plugin-host.js';
import { ownOnly } from './own-only.js';
import { part } from '../profile/part.js';
import type { StepModels, StepProgress } from './step-models.js';
import { createStepRng } from './step-rng.js';
import { weightChannel } from './weight-channel.js';

/** A teacher and what it says of the batch. */
export interface Taught {
  readonly detector: Detector;
  readonly output: DetectorOutput;
}

/** What the hooks of one batch share. */
export interface DistillState {
  /** By the name that distillers call their teacher by. */
  readonly taught: ReadonlyMap<string | undefined, Taught>;
  readonly output: DetectorOutput;
  readonly priors: Priors;
  readonly assignment: Assignment;
  /** Of two-stage students. */
  readonly second?: RegionStep;
  readonly targets: Targets;
  readonly progress: StepProgress;
}

type Named = [string, tf.Scalar];

/**
 * Runs the hooks of every plugin on the tape: all `headForward`s, then all `lossCompose`s, then all `stats`.
 * @param kept takes what the plugins share, so that it outlives their own tidies
 */
export function distill(
  models: StepModels & Required<Pick<StepModels, 'input'>>,
  state: DistillState,
  kept: Kept,
): { readonly terms: Named[]; readonly stats: Named[] } {
  const { distillers, student, input } = models;
  const { second, targets } = state;
  const table = once(
    (): Instances =>
      keepAll(
        second === undefined
          ? priorInstances(state.assignment, state.priors.boxes, targets)
          : regionInstances(second.regions, targets),
        kept,
      ),
  );
  const channel = weightChannel(() => table().mask.shape, kept);
  const shared = {
    student: view(
      'student',
      student,
      state.output,
      targets,
      once(() => keepAll(instanceOutput(student, state.output, table(), targets, second), kept)),
    ),
    priors: state.priors,
    decode: (codes: tf.Tensor3D) => student.decode(codes, state.priors),
    targets,
    assignment: state.assignment,
    get instances(): Instances {
      return table();
    },
    ...(second && { regions: [second, ...(second.later ?? [])] }),
    progress: state.progress,
  };
  const teachers = new Map(
    [...state.taught].map(([name, { detector, output }]) => [
      name,
      view(
        'teacher',
        detector,
        output,
        targets,
        once(() => keepAll(instanceOutput(detector, output, table(), targets), kept)),
      ),
    ]),
  );
  const steps = distillers.map(
    ({ id, variables, teacher }): StepView =>
      Object.defineProperties(
        {
          teacher: teachers.get(teacher),
          weights: channel.for(id),
          rng: createStepRng(models.seed, ['plugin', id], input),
          scalar: (of: (progress: Progress) => number) => input([], (at) => Float32Array.of(of(at))),
          ownOnly: (term: tf.Scalar) => ownOnly(id, term, variables),
        },
        Object.getOwnPropertyDescriptors(shared),
      ) as StepView,
  );
  distillers.forEach((distiller, i) =>
    callHook(distiller, 'headForward', () => distiller.hooks.headForward?.(steps[i]!)),
  );
  channel.close();
  const terms = distillers.flatMap((distiller, i) => {
    const scheduled = distiller.hooks.schedule !== undefined;
    const factor = scheduled && input([], (at) => Float32Array.of(distiller.factor(at)));
    const composed = callHook(distiller, 'lossCompose', () => distiller.hooks.lossCompose?.(steps[i]!) ?? {});
    return named(distiller.id, 'lossCompose', 'term', composed).map(
      ([name, term]): Named => [name, factor ? tf.mul(term, factor) : term],
    );
  });
  const stats = distillers.flatMap((distiller, i) =>
    named(
      distiller.id,
      'stats',
      'value',
      callHook(distiller, 'stats', () => distiller.hooks.stats?.(steps[i]!) ?? {}),
    ),
  );
  return { terms, stats };
}

const callHook = <T>(distiller: Distiller, hook: 'headForward' | 'lossCompose' | 'stats', run: () => T): T =>
  part(distiller.id, () => distiller.call(hook, run), `${distiller.id}.${hook}`);

function named(
  id: string,
  hook: 'lossCompose' | 'stats',
  what: string,
  scalars: Readonly<Record<string, tf.Scalar>>,
): Named[] {
  return Object.entries(scalars).map(([name, scalar]) => {
    if (!(scalar instanceof tf.Tensor) || scalar.rank !== 0) {
      throw new KdError(
        'PLUGIN_HOOK',
        `${id}.${hook}: ${what} "${name}" must be a scalar tensor; got ${scalar instanceof tf.Tensor ? `shape [${scalar.shape.join(', ')}]` : typeof scalar}. Reduce it with tf.mean or tf.sum.`,
      );
    }
    if (scalar.isDisposed)
      throw new KdError(
        'PLUGIN_HOOK',
        `${id}.${hook}: ${what} "${name}" was freed before it was read: return it from the tf.tidy that it is made in.`,
      );
    return [`${id}.${name}`, scalar];
  });
}

function view(
  role: string,
  detector: Detector,
  output: DetectorOutput,
  targets: Targets,
  ofInstances: () => InstanceOutput,
): ModelView {
  const stage = detector.secondStage;
  return {
    tap: (tap: TapInfo | string) => {
      const name = typeof tap === 'string' ? tap : tap.name;
      const feature = output.taps[name];
      if (feature === undefined) {
        throw new KdError(
          'TAP_UNKNOWN',
          `tap "${name}" of the ${role} was not asked for in featureTap. Asked for: ${Object.keys(output.taps).join(', ') || 'none'}.`,
        );
      }
      return feature;
    },
    get predictions() {
      return output.predictions;
    },
    head: detector.head,
    get ofInstances() {
      return ofInstances();
    },
    ...(stage && {
      regions: (boxes: tf.Tensor3D, mask?: tf.Tensor2D) => stage.run(output, boxes, targets.imageSizes, mask),
    }),
  };
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** Keeps every tensor of a record: plugins share it across their own tidies. */
function keepAll<T extends object>(record: T, kept: Kept): T {
  for (const value of Object.values(record)) if (value instanceof tf.Tensor) kept.keep(value);
  return record;
}
