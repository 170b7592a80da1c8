import type * as tf from '@tensorflow/tfjs-core';

/**
 * Random numbers of a step, as tensors: by the seed of the run, the names of the stream, the step and the place of the
 * draw in its stream alone, so that they are the same on every engine, after a resume, and where the step is compiled.
 */
export interface StepRng {
  /** float32 in [0, 1) */
  uniform(shape: readonly number[]): tf.Tensor;
  /** float32, normal with mean 0 and deviation 1 */
  normal(shape: readonly number[]): tf.Tensor;
  /** An independent stream, named: the same names give the same stream, however much of this one was used. */
  stream(...names: readonly (string | number)[]): StepRng;
}
