import {
  type ClassMatch,
  type DetectorOutput,
  gatherMatched,
  ofSharedClasses,
  pickClasses,
  type PluginScope,
  type Role,
  type StepView,
  type TapInfo,
} from '@kd/core';
import { backgroundAt, objectWeights } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { decoupledKl, type DecoupledKlOptions } from './decoupled-loss.js';

export interface HeadSettings extends DecoupledKlOptions {
  /** Factors of the two terms. */
  readonly foreground: number;
  readonly background: number;
  /** Those that both heads tell apart. */
  readonly classes: ClassMatch;
}

/** Both heads on the regions that the teacher's second stage would train on, for the classes that both have. */
export function headTerms(
  { student, teacher }: PluginScope,
  step: StepView,
  teacherNeck: readonly TapInfo[],
  settings: HeadSettings,
): { readonly headForeground: tf.Scalar; readonly headBackground: tf.Scalar } {
  const { targets } = step;
  const { boxes, matched } = teacherRegions({ teacher }, step, teacherNeck);
  const mask = tf.cast(tf.greater(matched, -2), 'float32') as tf.Tensor2D;
  const { classes } = settings;
  const logits = {
    student: step.student.regions!(boxes, mask).logits,
    teacher: step.teacher.regions!(boxes, mask).logits,
  };
  const background = { student: student.secondStage!.background, teacher: teacher.secondStage!.background };
  // [b, n, k + 1]
  const shared = (role: Role): tf.Tensor3D => pickClasses(logits[role], classes[role], background[role]);
  const [own, taught] = classes.same
    ? [logits.student, backgroundAt(logits.teacher, background.teacher, background.student)]
    : [shared('student'), shared('teacher')];
  const trust = step.weights.get();
  const objects = trust && objectWeights(trust.response, step.instances.matched, targets.mask.shape[1]);
  const rows = (chosen: tf.Tensor): tf.Tensor => tf.cast(chosen, 'float32');
  const known = classes.same
    ? rows(tf.greaterEqual(matched, tf.scalar(0, 'int32')))
    : gatherMatched(ofSharedClasses(targets.labels, classes, student.categories.length), matched);
  const terms = decoupledKl(
    own,
    taught,
    {
      // An object of a class that the teacher does not know says nothing here.
      foreground: known,
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
