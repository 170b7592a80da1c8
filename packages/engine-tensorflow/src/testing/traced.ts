import * as tf from '@tensorflow/tfjs-core';
import { tensorflow } from '../engine.js';
import { currentBackend } from '../run-op.js';

/** For `beforeAll`: starts the engine; the backend from before comes back after the tests. */
export async function startTensorflow(): Promise<() => Promise<void>> {
  const before = tf.getBackend();
  await tensorflow().start();
  return async () => {
    if (before) await tf.setBackend(before);
  };
}

export const idOf = (tensor: tf.TensorInfo): number => currentBackend().getInputTensorIds([tensor])[0]!;

export interface Traced {
  readonly fn: number;
  readonly captured: readonly number[];
  call(...args: readonly tf.Tensor[]): tf.Tensor[];
}

/** Traces `f` on tensors of the dtypes and shapes of `args`; the least that can be called again. */
export function traced(f: (...args: tf.Tensor[]) => tf.Tensor[], args: readonly tf.Tensor[]): Traced {
  const backend = currentBackend();
  const { binding } = backend;
  args.forEach(idOf); // Values that were not written yet are no part of the trace.
  binding.beginTrace();
  try {
    const { fn, captured } = tf.tidy(() => {
      const inputs = args.map((arg) => {
        const dtype = binding[({ float32: 'TF_FLOAT', int32: 'TF_INT32' } as const)[arg.dtype as 'int32']] as number;
        return backend.createOutputTensor({ id: binding.traceInput(dtype, arg.shape), shape: arg.shape, dtype });
      });
      return binding.finishTrace(inputs.map(idOf), f(...inputs).map(idOf));
    });
    return {
      fn,
      captured,
      call: (...values) =>
        binding
          .callFunction(fn, [...values.map(idOf), ...captured])
          .map((metadata) => backend.createOutputTensor(metadata)),
    };
  } finally {
    binding.abortTrace();
  }
}
