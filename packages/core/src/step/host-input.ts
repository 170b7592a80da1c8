import * as tf from '@tensorflow/tfjs-core';
import type { HostInput, StepProgress } from './step-models.js';

/** The host's tensors of a step that runs at once. */
export const inputsAt =
  (progress: StepProgress): HostInput =>
  (shape, make) =>
    tf.tensor(make(progress), [...shape]);
