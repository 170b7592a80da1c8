import { ofSharedClasses, pickClasses, type StepView } from '@kd/core';
import { backgroundAt } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { Heads } from './check-heads.js';
import { kdLoss, type KdSettings } from './kd-loss.js';

/** Added to counts of rows that a sum is divided by, as mmdetection does: the machine epsilon of float32. */
export const COUNT_EPSILON = 2 ** -23;

/** The logits of both models at the instances of the step: positive priors, or positive regions. */
export function instanceKd(step: StepView, heads: Heads, settings: KdSettings): tf.Scalar {
  const { labels } = step.instances;
  const { shared, classes } = heads;
  // Objects of a class that the teacher does not know say nothing here.
  const mask = shared.same
    ? step.instances.mask
    : tf.mul<tf.Tensor2D>(step.instances.mask, ofSharedClasses(labels, shared, classes.student));
  const { student: own, teacher: target } = instanceLogits(step, heads);
  const count = tf.sum<tf.Scalar>(mask);
  const { loss } = settings;
  return kdLoss(own, target, optionsOf(settings), {
    mask,
    weights: step.weights.get()?.response,
    ...((loss !== 'softmax' || settings.reduction === 'classmean-weighted') && {
      averageFactor: tf.add(count, COUNT_EPSILON),
    }),
  });
}

/** The logits of both at the instances, of the classes that both have, in one order; a background at one place. */
export function instanceLogits(
  step: StepView,
  heads: Heads,
): { readonly student: tf.Tensor3D; readonly teacher: tf.Tensor3D } {
  const [student, teacher] = [step.student.ofInstances.logits, step.teacher.ofInstances.logits];
  const { shared } = heads;
  const background = heads.kind === 'regions' ? heads.background : undefined;
  if (!shared.same)
    return {
      student: pickClasses(student, shared.student, background?.student),
      teacher: pickClasses(teacher, shared.teacher, background?.teacher),
    };
  return { student, teacher: background ? backgroundAt(teacher, background.teacher, background.student) : teacher };
}

/** Options of {@link kdLoss}: a temperature and reduction only where the loss has one. */
export const optionsOf = ({ loss, temperature, beta, reduction }: KdSettings) => ({
  loss,
  temperature,
  beta,
  reduction,
});
