import * as tf from '@tensorflow/tfjs-core';

/** Registers a kernel of ours for the WebGPU back end, in place of the one that is there, if any. */
export function replaceKernel(kernelName: string, kernelFunc: tf.KernelConfig['kernelFunc']): void {
  if (tf.getKernel(kernelName, 'webgpu') !== undefined) tf.unregisterKernel(kernelName, 'webgpu');
  tf.registerKernel({ kernelName, backendName: 'webgpu', kernelFunc });
}

/** {@link replaceKernel} by one that is made of other ops. */
export function composeKernel<Attributes>(
  name: string,
  kernel: (inputs: Record<string, tf.Tensor>, attributes: Attributes) => tf.Tensor,
): void {
  replaceKernel(name, ({ inputs, attrs }) =>
    tf.tidy(() => kernel(inputs as Record<string, tf.Tensor>, attrs as unknown as Attributes)),
  );
}
