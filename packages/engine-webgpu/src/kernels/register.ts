import * as tf from '@tensorflow/tfjs-core';
import type { Faults } from '../faults.js';
import { registerAddN } from './add-n.js';
import { registerElementwise } from './elementwise.js';
import { registerReductions } from './reductions.js';
import { replaceKernel } from './replace-kernel.js';
import { registerResizing } from './resizing.js';
import { registerSuppression } from './suppression.js';

/** What the back end lacks or computes wrongly; then each kernel says its name while it runs. */
export function registerKernels(faults: Faults): void {
  registerAddN();
  registerElementwise();
  registerReductions();
  registerResizing();
  registerSuppression();
  for (const { kernelName, kernelFunc } of tf.getKernelsForBackend('webgpu'))
    replaceKernel(kernelName, (call) => faults.within(kernelName, () => kernelFunc(call)));
}
