import './gradients.js';
import * as tf from '@tensorflow/tfjs-core';
import type { HostBatch } from './contract/data.js';
import type { Assignment, Detector, DetectorOutput, Instances, Priors, TapInfo, Targets, VariableUpdate } from './contract/detector.js';
import type { ModelView, Progress, StepView, WeightChannel } from './contract/plugin.js';
import { KdError } from './errors.js';
import type { Distiller } from './plugin-host.js';
import type { Rng } from './rng.js';
import type { TrainedVariable } from './variables.js';

export interface StepModels {
  readonly student: Detector;
  readonly teacher: Detector | null;
  readonly distillers: readonly Distiller[];
  readonly taps: Readonly<Record<'student' | 'teacher', readonly string[]>>;
  /** What gets gradients: trainable variables of student and plugins. */
  readonly variables: readonly TrainedVariable[];
  readonly rng: Rng;
}

export interface StepResult {
  /** Names of the terms: the detector's own, then `<plugin id>.<name>`. */
  readonly names: readonly string[];
  /** [terms] as they entered the total */
  readonly terms: tf.Tensor1D;
  /** By path; a variable without a gradient is absent, as in torch. */
  readonly gradients: ReadonlyMap<string, tf.Tensor>;
  /** New running statistics, to be stored after the step. */
  readonly updates: readonly VariableUpdate[];
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
      imageSizes: batch.imageSizes,
      paddedSize: [height, width],
      ids: batch.ids,
    },
  };
}

/**
 * One training step up to the gradients, a pure function of variables and batch: teacher forward without a tape, then on
 * the tape student forward, assignment, detection terms, the plugins' hooks and the total.
 */
export function computeStep(models: StepModels, images: tf.Tensor4D, targets: Targets, progress: Progress): StepResult {
  const { student, teacher, distillers } = models;
  const kept: { names: string[]; terms: tf.Tensor1D | undefined; updates: readonly VariableUpdate[] } = { names: [], terms: undefined, updates: [] };
  const gradients = tf.tidy(() => {
    const taught = teacher?.forward(images, { training: false, taps: models.taps.teacher });
    const { grads, value } = tf.variableGrads(() => {
      const output = student.forward(images, { training: true, taps: models.taps.student });
      const priors = student.priors(output, targets.paddedSize);
      const assignment = student.assign(priors, targets);
      const terms: [string, tf.Scalar][] = Object.entries(student.terms(output, priors, assignment, targets));
      if (taught !== undefined && distillers.length > 0) {
        terms.push(...distill(models, { taught, output, priors, assignment, targets, progress }));
      }
      kept.names = terms.map(([name]) => name);
      kept.terms = tf.keep(tf.stack(terms.map(([, term]) => term)) as tf.Tensor1D);
      kept.updates = output.updates.map(({ variable, value: update }) => ({ variable, value: tf.keep(update) }));
      return terms.map(([, term]) => term).reduce((sum, term) => tf.add(sum, term));
    }, models.variables.map(({ variable }) => variable));
    value.dispose();
    return grads;
  });
  const byPath = new Map<string, tf.Tensor>();
  for (const { path, variable } of models.variables) {
    const gradient = gradients[variable.name];
    if (gradient !== undefined) byPath.set(path, gradient);
  }
  return { names: kept.names, terms: kept.terms!, gradients: byPath, updates: kept.updates };
}

interface StepState {
  readonly taught: DetectorOutput;
  readonly output: DetectorOutput;
  readonly priors: Priors;
  readonly assignment: Assignment;
  readonly targets: Targets;
  readonly progress: Progress;
}

function distill(models: StepModels, state: StepState): [string, tf.Scalar][] {
  const { distillers, student, teacher } = models;
  const weights = weightChannel();
  let instances: Instances | undefined;
  const shared = {
    teacher: view('teacher', teacher!, state.taught),
    student: view('student', student, state.output),
    priors: state.priors,
    decode: (codes: tf.Tensor3D) => student.decode(codes, state.priors),
    targets: state.targets,
    assignment: state.assignment,
    get instances(): Instances {
      return (instances ??= gatherInstances(state.assignment, state.targets));
    },
    progress: state.progress,
  };
  const steps = distillers.map(({ id }): StepView =>
    Object.defineProperties({ weights: weights(id), rng: models.rng.stream('plugin', id, 'step', state.progress.step) }, Object.getOwnPropertyDescriptors(shared)) as StepView,
  );
  distillers.forEach((distiller, i) => distiller.call('headForward', () => distiller.hooks.headForward?.(steps[i]!)));
  return distillers.flatMap((distiller, i) => {
    const factor = distiller.factor(state.progress);
    const terms = distiller.call('lossCompose', () => distiller.hooks.lossCompose?.(steps[i]!) ?? {});
    return Object.entries(terms).map(([name, term]): [string, tf.Scalar] => {
      if (!(term instanceof tf.Tensor) || term.rank !== 0) {
        throw new KdError('PLUGIN_HOOK', `${distiller.id}.lossCompose: term "${name}" must be a scalar tensor; got ${term instanceof tf.Tensor ? `shape [${term.shape.join(', ')}]` : typeof term}. Reduce it with tf.mean or tf.sum.`);
      }
      return [`${distiller.id}.${name}`, factor === 1 ? term : tf.mul(term, factor)];
    });
  });
}

function view(role: string, detector: Detector, output: DetectorOutput): ModelView {
  return {
    tap: (tap: TapInfo | string) => {
      const name = typeof tap === 'string' ? tap : tap.name;
      const feature = output.taps[name];
      if (feature === undefined) {
        throw new KdError('TAP_UNKNOWN', `tap "${name}" of the ${role} was not asked for in featureTap. Asked for: ${Object.keys(output.taps).join(', ') || 'none'}.`);
      }
      return feature;
    },
    predictions: output.predictions,
    head: detector.head,
  };
}

function weightChannel(): (id: string) => WeightChannel {
  let filled: { by: string; weights: tf.Tensor2D } | undefined;
  return (id) => ({
    get: () => filled?.weights ?? null,
    set: (weights) => {
      if (filled !== undefined) throw new KdError('PLUGIN_HOOK', `${id}: the weight channel is already filled by ${filled.by}; only one plugin of a run may fill it.`);
      filled = { by: id, weights };
    },
  });
}

/** The matched ground truth of every prior, by gathering: [b, a, …]. */
export function gatherInstances({ matched }: Assignment, targets: Targets): Instances {
  return tf.tidy(() => {
    const mask = tf.cast(tf.greaterEqual(matched, 0), 'float32') as tf.Tensor2D;
    if (targets.boxes.shape[1] === 0) {
      return { mask, boxes: tf.zeros([...matched.shape, 4]) as tf.Tensor3D, labels: tf.zerosLike(matched) };
    }
    const index = tf.maximum(matched, tf.scalar(0, 'int32')) as tf.Tensor2D;
    const labels = tf.gather(targets.labels, index, 1, 1) as tf.Tensor2D;
    const boxes = tf.gather(targets.boxes, index, 1, 1) as tf.Tensor3D;
    return {
      mask,
      boxes: tf.mul(boxes, tf.expandDims(mask, -1)) as tf.Tensor3D,
      labels: tf.cast(tf.mul(tf.cast(labels, 'float32'), mask), 'int32') as tf.Tensor2D,
    };
  });
}
