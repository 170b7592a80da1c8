import * as tf from '@tensorflow/tfjs-core';

/** Runs what needs no gradient: a tape under way records none of it and keeps none of its tensors. */
export const untaped = <T extends tf.Tensor>(run: () => T): T =>
  tf.customGrad(() => ({ value: run(), gradFunc: () => [] }))() as T;
