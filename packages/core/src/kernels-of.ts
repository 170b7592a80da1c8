import { getKernelsForBackend } from '@tensorflow/tfjs-core';

/** Names of the kernels that a backend of TensorFlow.js registered: what an engine on it declares to have. */
export const kernelsOf = (backend: string): ReadonlySet<string> =>
  new Set(getKernelsForBackend(backend).map(({ kernelName }) => kernelName));
