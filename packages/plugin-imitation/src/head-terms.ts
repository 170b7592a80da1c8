import { type DetectorOutput, gatherMatched, type PluginScope, type StepView, type TapInfo } from '@kd/core';
import { backgroundAt, objectWeights } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { decoupledKl, type DecoupledKlOptions } from './decoupled-loss.js';

export interface HeadSettings extends DecoupledKlOptions {
  /** Factors of the two terms. */
  readonly foreground: number;
  readonly background: number;
}

/** Both heads on the regions that the teacher's second stage would train on. */
export function headTerms(
  { student, teacher }: PluginScope,
  step: StepView,
  teacherNeck: readonly TapInfo[],
  settings: HeadSettings,
): { readonly headForeground: tf.Scalar; readonly headBackground: tf.Scalar } {
  const { boxes, matched } = teacherRegions({ teacher }, step, teacherNeck);
  const mask = tf.cast(tf.greater(matched, -2), 'float32') as tf.Tensor2D;
  const own = step.student.regions!(boxes, mask).logits; // [b, n, k + 1]
  const taught = backgroundAt(
    step.teacher.regions!(boxes, mask).logits,
    teacher.secondStage!.background,
    student.secondStage!.background,
  );
  const trust = step.weights.get();
  const objects = trust && objectWeights(trust.response, step.instances.matched, step.targets.mask.shape[1]);
  const rows = (chosen: tf.Tensor): tf.Tensor => tf.cast(chosen, 'float32');
  const terms = decoupledKl(
    own,
    taught,
    {
      foreground: rows(tf.greaterEqual(matched, tf.scalar(0, 'int32'))),
      background: rows(tf.equal(matched, tf.scalar(-1, 'int32'))),
      values: objects ? gatherMatched(objects, matched) : undefined,
    },
    settings,
  );
  return {
    headForeground: tf.mul(terms.foreground, settings.foreground),
    headBackground: tf.mul(terms.background, settings.background),
  };
}

/** What the teacher would sample of its own proposals and the ground truth, if it were trained. */
function teacherRegions(
  { teacher }: Pick<PluginScope, 'teacher'>,
  { teacher: view, targets, rng }: StepView,
  neck: readonly TapInfo[],
) {
  const output: DetectorOutput = {
    taps: {},
    levels: neck.map((tap) => view.tap(tap)),
    predictions: view.predictions,
    updates: [],
  };
  const priors = teacher.priors(output, targets.paddedSize);
  return teacher.secondStage!.sample(output, priors, teacher.assign(priors, targets), targets, rng.stream('regions'));
}
