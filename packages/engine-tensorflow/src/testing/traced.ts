import * as tf from '@tensorflow/tfjs-core';
import type { TensorMetadata } from '../binding.js';
import type { TensorflowBackend } from '../kernels.js';

/** What of the package's backend the tests reach into. */
interface Inner extends TensorflowBackend {
  getInputTensorIds(tensors: readonly tf.TensorInfo[]): number[];
  createOutputTensor(metadata: TensorMetadata): tf.Tensor;
}

export const inner = (): Inner => tf.backend() as Inner;
export const idOf = (tensor: tf.TensorInfo): number => inner().getInputTensorIds([tensor])[0]!;

export interface Traced {
  readonly fn: number;
  readonly captured: readonly number[];
  call(...args: readonly tf.Tensor[]): tf.Tensor[];
}

/** Traces `f` on tensors of the dtypes and shapes of `args`; the least that can be called again. */
export function traced(f: (...args: tf.Tensor[]) => tf.Tensor[], args: readonly tf.Tensor[]): Traced {
  const backend = inner();
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
