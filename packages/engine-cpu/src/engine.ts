import { type Engine, kernelsOf } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
// Imported for what it does: tfjs-core's Node build registers no gradients, the layers' build does.
import '@tensorflow/tfjs-layers';

/** TensorFlow.js' plain JavaScript back end: very slow, everywhere, and the same numbers on every machine. */
export function cpu(): Engine {
  return {
    name: 'cpu',
    start: async () => {
      await import('@tensorflow/tfjs-backend-cpu');
      await tf.setBackend('cpu');
      // At its first use it advises another back end, which is no engine of ours.
      Reflect.set(tf.backend(), 'firstUse', false);
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
