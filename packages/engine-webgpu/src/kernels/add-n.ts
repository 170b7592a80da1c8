import * as tf from '@tensorflow/tfjs-core';
import { replaceKernel } from './replace-kernel.js';

/** Buffers that a shader of any adapter may have are eight, and one is written. */
const MOST = 7;

/** A sum of any number of tensors: the package's shader reads all of them at once, more than an adapter allows. */
export function registerAddN(): void {
  const { kernelFunc } = tf.getKernel('AddN', 'webgpu')!;
  replaceKernel('AddN', (call) => {
    const all = call.inputs as unknown as readonly tf.Tensor[];
    if (all.length <= MOST) return kernelFunc(call);
    const some = Array.from({ length: Math.ceil(all.length / MOST) }, (_, i) => all.slice(i * MOST, (i + 1) * MOST));
    return tf.tidy(() => tf.addN(some.map((part) => tf.addN(part))));
  });
}
