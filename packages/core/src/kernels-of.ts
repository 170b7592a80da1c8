import * as tf from '@tensorflow/tfjs-core';

/** Names of the kernels that a backend of TensorFlow.js registered: what an engine on it declares to have. */
export const kernelsOf = (backend: string): ReadonlySet<string> =>
  new Set(tf.getKernelsForBackend(backend).map(({ kernelName }) => kernelName));

/** Registers kernels of an engine's own for its backend of TensorFlow.js, in place of those that are there, if any. */
export interface KernelReplacement {
  replaceKernel(kernelName: string, kernelFunc: tf.KernelConfig['kernelFunc']): void;
  /** The same by one that is made of other ops, in a tidy. */
  composeKernel<Attributes>(
    name: string,
    kernel: (inputs: Record<string, tf.Tensor>, attributes: Attributes) => tf.Tensor,
  ): void;
}

/** For engines that add to a backend of TensorFlow.js, or correct it. */
export function kernelReplacement(backendName: string): KernelReplacement {
  const replaceKernel: KernelReplacement['replaceKernel'] = (kernelName, kernelFunc) => {
    const before = tf.getKernel(kernelName, backendName);
    if (before !== undefined) tf.unregisterKernel(kernelName, backendName);
    // The new one may call the old one, which has to be set up again where its backend starts anew.
    tf.registerKernel({ ...before, kernelName, backendName, kernelFunc });
  };
  return {
    replaceKernel,
    composeKernel: (name, kernel) =>
      replaceKernel(name, ({ inputs, attrs }) =>
        tf.tidy(() => kernel(inputs as Record<string, tf.Tensor>, attrs as never)),
      ),
  };
}
