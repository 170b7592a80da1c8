import * as tf from '@tensorflow/tfjs-core';

/** Replaces a kernel of the package by one of ours, for the tensorflow backend alone. */
export function correctKernel<Attributes>(
  name: string,
  kernel: (inputs: Record<string, tf.Tensor>, attributes: Attributes) => tf.Tensor,
): void {
  tf.unregisterKernel(name, 'tensorflow');
  tf.registerKernel({
    kernelName: name,
    backendName: 'tensorflow',
    kernelFunc: ({ inputs, attrs }) => kernel(inputs as Record<string, tf.Tensor>, attrs as unknown as Attributes),
  });
}
