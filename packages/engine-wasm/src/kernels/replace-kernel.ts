import * as tf from '@tensorflow/tfjs-core';

/** Registers a kernel of ours for the wasm back end, in place of the one that is there, if any. */
export function replaceKernel<Attributes>(
  name: string,
  kernel: (inputs: Record<string, tf.Tensor>, attributes: Attributes) => tf.Tensor,
): void {
  if (tf.getKernel(name, 'wasm') !== undefined) tf.unregisterKernel(name, 'wasm');
  tf.registerKernel({
    kernelName: name,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) =>
      tf.tidy(() => kernel(inputs as Record<string, tf.Tensor>, attrs as unknown as Attributes)),
  });
}
