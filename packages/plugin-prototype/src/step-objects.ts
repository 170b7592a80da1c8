import { gatherMatched, type StepView } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Objects } from './describe-level.js';

/** What is described in a step, and how its weights become those of the instances. */
export interface StepObjects extends Objects {
  /** From weights of the objects [b, m] to weights of the instances of the step [b, n]. */
  toInstances(weights: tf.Tensor2D): tf.Tensor2D;
}

/** The student's positive samples, or the ground truth of the batch. */
export function stepObjects(
  { instances, targets }: Pick<StepView, 'instances' | 'targets'>,
  which: 'assigned' | 'gt',
): StepObjects {
  if (which === 'assigned')
    return {
      boxes: instances.boxes,
      labels: instances.labels,
      mask: instances.mask,
      toInstances: (weights) => weights,
    };
  const [b, g] = targets.mask.shape;
  // A batch without a row of ground truth gets one off the mask, so that nothing downstream has to know of empty
  // tables.
  const objects =
    g > 0
      ? targets
      : {
          boxes: tf.zeros([b, 1, 4]) as tf.Tensor3D,
          labels: tf.zeros([b, 1], 'int32') as tf.Tensor2D,
          mask: tf.zeros([b, 1]) as tf.Tensor2D,
        };
  return {
    boxes: objects.boxes,
    labels: objects.labels,
    mask: objects.mask,
    toInstances: (weights) => gatherMatched(weights, instances.matched),
  };
}
