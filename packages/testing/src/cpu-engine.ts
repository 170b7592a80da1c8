import * as tf from '@tensorflow/tfjs-core';
import { type Engine, kernelsOf } from '@kd/core';

/** TensorFlow.js' plain JavaScript backend: slow, everywhere, and the same numbers on every machine. */
export function cpuEngine(): Engine {
  return {
    name: 'cpu',
    start: async () => {
      await import('@tensorflow/tfjs-backend-cpu');
      await tf.setBackend('cpu');
      return { name: 'cpu', backend: 'cpu', version: tf.version_core, library: null, device: 'cpu', threads: 1 };
    },
    capabilities: () => ({
      kernels: kernelsOf('cpu'),
      syncReads: true,
      nativeOps: false,
      compile: false,
      precision: ['float32'],
      threads: 1,
      device: 'cpu',
      deviceName: 'one thread of JavaScript',
      memoryLimit: null,
    }),
  };
}
