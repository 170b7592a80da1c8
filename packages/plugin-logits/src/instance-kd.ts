import type { StepView } from '@kd/core';
import { backgroundAt } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { Heads } from './check-heads.js';
import { kdLoss, type KdSettings } from './kd-loss.js';

/** Added to counts of rows that a sum is divided by, as mmdetection does: the machine epsilon of float32. */
export const COUNT_EPSILON = 2 ** -23;

/** The logits of both models at the instances of the step: positive priors, or positive regions. */
export function instanceKd(step: StepView, heads: Heads, settings: KdSettings): tf.Scalar {
  const { mask } = step.instances;
  const [own, taught] = [step.student.ofInstances.logits, step.teacher.ofInstances.logits];
  const target =
    heads.kind === 'regions' ? backgroundAt(taught, heads.background.teacher, heads.background.student) : taught;
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

/** Options of {@link kdLoss}: a temperature and reduction only where the loss has one. */
export const optionsOf = ({ loss, temperature, beta, reduction }: KdSettings) => ({
  loss,
  temperature,
  beta,
  reduction,
});
