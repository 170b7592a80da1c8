import * as tf from '@tensorflow/tfjs-core';
import type { Assignment, Detector, DetectorOutput, Instances, Priors, TapInfo, Targets } from './contract/detector.js';
import type { ModelView, StepView } from './contract/plugin.js';
import { KdError } from './errors.js';
import { gatherInstances } from './instances.js';
import type { Kept } from './kept.js';
import type { StepModels, StepProgress } from './step.js';
import { weightChannel } from './weight-channel.js';

/** What the hooks of one batch share. */
export interface DistillState {
  readonly taught: DetectorOutput;
  readonly output: DetectorOutput;
  readonly priors: Priors;
  readonly assignment: Assignment;
  readonly targets: Targets;
  readonly progress: StepProgress;
}

/**
 * Runs the hooks of every plugin on the tape: all `headForward`s, then all `lossCompose`s.
 * @param kept takes what the plugins share, so that it outlives their own tidies
 */
export function distill(models: StepModels, state: DistillState, kept: Kept): [string, tf.Scalar][] {
  const { distillers, student, teacher } = models;
  const { step, micro = 0 } = state.progress;
  const channel = weightChannel(state.assignment, kept);
  let instances: Instances | undefined;
  const shared = {
    teacher: view('teacher', teacher!, state.taught),
    student: view('student', student, state.output),
    priors: state.priors,
    decode: (codes: tf.Tensor3D) => student.decode(codes, state.priors),
    targets: state.targets,
    assignment: state.assignment,
    get instances(): Instances {
      return (instances ??= keepInstances(gatherInstances(state.assignment, state.targets), kept));
    },
    progress: state.progress,
  };
  const steps = distillers.map(({ id }): StepView =>
    Object.defineProperties({ weights: channel.for(id), rng: models.rng.stream('plugin', id, 'step', step, micro) }, Object.getOwnPropertyDescriptors(shared)) as StepView,
  );
  distillers.forEach((distiller, i) => distiller.call('headForward', () => distiller.hooks.headForward?.(steps[i]!)));
  channel.close();
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

function keepInstances({ mask, boxes, labels }: Instances, kept: Kept): Instances {
  return { mask: kept.keep(mask), boxes: kept.keep(boxes), labels: kept.keep(labels) };
}
