import './gradients.js';
import * as tf from '@tensorflow/tfjs-core';
import type { HostBatch } from '../contract/data.js';
import type {
  Assignment,
  Detector,
  DetectorOutput,
  Priors,
  RegionStep,
  Targets,
  VariableUpdate,
} from '../contract/detector.js';
import type { StepRng } from '../contract/step-rng.js';
import { distill, type Taught } from './distill.js';
import { inputsAt } from './host-input.js';
import { Kept } from './kept.js';
import { keptUpdates } from './kept-updates.js';
import { type StepModels, type StepProgress, teacherOf } from './step-models.js';
import type { Distiller } from '../plugins/plugin-host.js';
import { part, startPart } from '../profile/part.js';
import { sizesOnDevice } from './sizes-on-device.js';
import { createStepRng } from './step-rng.js';
import { teacherOutput } from './teacher-output.js';
import { tracedProgress } from './traced-views.js';

export interface StepResult {
  /** Names of the terms: the detector's own, then `<plugin id>.<name>`. */
  readonly names: readonly string[];
  /** Names of what plugins tell besides. */
  readonly stats: readonly string[];
  /** [terms + stats]: the terms as they entered the total, then the stats */
  readonly terms: tf.Tensor1D;
  /** By path; a variable without a gradient is absent, as in torch. */
  readonly gradients: ReadonlyMap<string, tf.Tensor>;
  /** New running statistics, to be stored after the step. */
  readonly updates: readonly VariableUpdate[];
  /** Whether all gradients are finite, where the loss is scaled. */
  readonly finite?: tf.Scalar;
}

/** Ground truth on the device; the caller disposes it. */
export function deviceBatch(batch: HostBatch): { readonly images: tf.Tensor4D; readonly targets: Targets } {
  const [b, height, width] = batch.shape;
  return {
    images: tf.tensor4d(batch.images, [...batch.shape]),
    targets: {
      boxes: tf.tensor3d(batch.boxes, [b, batch.maxBoxes, 4]),
      labels: tf.tensor2d(batch.labels, [b, batch.maxBoxes], 'int32'),
      mask: tf.tensor2d(batch.mask, [b, batch.maxBoxes]),
      imageSizes: sizesOnDevice(batch.imageSizes),
      paddedSize: [height, width],
      ids: batch.ids,
    },
  };
}

/**
 * One training step up to the gradients, a pure function of variables and batch: teacher forward without a tape, then
 * on
 * the tape student forward, assignment, detection terms, the plugins' hooks and the total.
 */
export function computeStep(
  models: StepModels,
  images: tf.Tensor4D,
  targets: Targets,
  progress: StepProgress,
): StepResult {
  const results = new Kept();
  const shared = new Kept();
  try {
    return forwardBackward(models, images, targets, progress, results, shared);
  } catch (error) {
    results.dispose();
    throw error;
  } finally {
    shared.dispose();
  }
}

function forwardBackward(
  models: StepModels,
  images: tf.Tensor4D,
  targets: Targets,
  progress: StepProgress,
  results: Kept,
  shared: Kept,
): StepResult {
  const { student, input = inputsAt(progress) } = models;
  const told = models.input === undefined ? progress : tracedProgress();
  // Whose terms count nothing now is not asked, nor the teacher for its sake.
  const distillers = models.distillers.filter(({ factor }) => factor(progress) !== 0);
  const kept: { names: string[]; stats: string[]; terms: tf.Tensor1D | undefined; updates: readonly VariableUpdate[] } =
    { names: [], stats: [], terms: undefined, updates: [] };
  const { gradients, finite } = tf.tidy(() => {
    const scale = models.lossScale && input([], () => Float32Array.of(models.lossScale!.value));
    const taught = part('teacher', () => taughtBy(models, distillers, images, shared));
    const { grads, value } = onTape(
      models.variables.map(({ variable }) => variable),
      () => {
        const output = part('student forward', () =>
          student.forward(images, { training: true, taps: models.taps.student }),
        );
        const { priors, assignment } = part('assignment', () => {
          const priors = student.priors(output, targets.paddedSize);
          return { priors, assignment: student.assign(priors, targets) };
        });
        const second = secondStage(
          student,
          output,
          priors,
          assignment,
          targets,
          createStepRng(models.seed, ['student'], input),
        );
        const terms: [string, tf.Scalar][] = Object.entries(
          part('detection losses', () => student.terms(output, priors, assignment, targets, second)),
        );
        const taughtTerms =
          taught.size > 0 &&
          distill(
            { ...models, distillers, input },
            { taught, output, priors, assignment, ...(second && { second }), targets, progress: told },
            shared,
          );
        const stats = taughtTerms ? taughtTerms.stats : [];
        if (taughtTerms) terms.push(...taughtTerms.terms);
        kept.names = terms.map(([name]) => name);
        kept.stats = stats.map(([name]) => name);
        kept.terms = results.keep(tf.stack([...terms, ...stats].map(([, value]) => value)) as tf.Tensor1D);
        kept.updates = keptUpdates(output.updates, student, results);
        const total = terms.map(([, term]) => term).reduce((sum, term) => tf.add(sum, term));
        return scale === undefined ? total : tf.mul(total, scale);
      },
    );
    value.dispose();
    return scale === undefined ? { gradients: grads, finite: undefined } : unscaled(grads, scale);
  });
  const byPath = new Map<string, tf.Tensor>();
  for (const { path, variable } of models.variables) {
    const gradient = gradients[variable.name];
    if (gradient !== undefined) byPath.set(path, gradient);
  }
  const { names, stats, terms, updates } = kept;
  return { names, stats, terms: terms!, gradients: byPath, updates, ...(finite && { finite }) };
}

/** Gradients of the loss itself, and whether all of them are finite. */
function unscaled(scaled: tf.NamedTensorMap, scale: tf.Tensor): { gradients: tf.NamedTensorMap; finite: tf.Scalar } {
  const gradients = Object.fromEntries(Object.entries(scaled).map(([name, one]) => [name, tf.div(one, scale)]));
  const each = Object.values(gradients).map((one) => tf.all(tf.isFinite(one)));
  return { gradients, finite: tf.all(tf.stack(each)) as tf.Scalar };
}

/** What the teachers say that somebody learns from in this step, by their names. */
function taughtBy(
  models: StepModels,
  distillers: readonly Distiller[],
  images: tf.Tensor4D,
  shared: Kept,
): ReadonlyMap<string | undefined, Taught> {
  const taught = new Map<string | undefined, Taught>();
  for (const distiller of distillers) {
    const teacher = taught.has(distiller.teacher) ? null : teacherOf(models, distiller);
    if (teacher === null) continue;
    const { detector, taps } = teacher;
    taught.set(distiller.teacher, {
      detector,
      output: teacherOutput(detector, images, taps, shared, models.aroundTeachers),
    });
  }
  return taught;
}

function secondStage(
  { secondStage: stage }: Detector,
  output: DetectorOutput,
  priors: Priors,
  assignment: Assignment,
  targets: Targets,
  rng: StepRng,
): RegionStep | undefined {
  if (stage === undefined) return undefined;
  const regions = part('assignment', () => stage.sample(output, priors, assignment, targets, rng));
  const mask = tf.cast(tf.greater(regions.matched, -2), 'float32') as tf.Tensor2D;
  return part('student forward', () => {
    const first = { regions, output: stage.run(output, regions.boxes, targets.imageSizes, mask) };
    return stage.later ? { ...first, later: stage.later(output, targets, first) } : first;
  });
}

/**
 * `tf.variableGrads` for a function that may throw. TensorFlow.js frees the tensors that a tape keeps for the backward
 * pass only at the
 * end of a backward pass; so an error waits until a trivial one has run.
 */
function onTape(variables: tf.Variable[], run: () => tf.Scalar): ReturnType<typeof tf.variableGrads> {
  let failure: { readonly error: unknown } | undefined;
  let endBackward = (): void => {};
  const result = tf.variableGrads(() => {
    try {
      return run();
    } catch (error) {
      failure = { error };
      return tf.mul(tf.sum(variables[0]!), 0);
    } finally {
      endBackward = startPart('backward');
    }
  }, variables);
  endBackward();
  if (failure !== undefined) throw failure.error;
  return result;
}
