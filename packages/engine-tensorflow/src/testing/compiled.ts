import { type CompileOptions, type EngineInput, isKdError, silentLogger } from '@kd/core';
import type * as tf from '@tensorflow/tfjs-core';
import { tensorflow } from '../engine.js';

export const compile = <A, R, N = void>(
  fn: (args: A, input: EngineInput<N>) => R,
  options: Partial<Omit<CompileOptions, 'name'>> = {},
) => tensorflow().compile!<A, R, N>(fn, { name: 'the test', logger: silentLogger, ...options });

/** Disposes of the tensor. */
export const values = (tensor: tf.Tensor): number[] => {
  const read = Array.from(tensor.dataSync());
  tensor.dispose();
  return read;
};

/** Code and message of the KdError that is thrown. */
export const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (isKdError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'nothing was thrown';
};
