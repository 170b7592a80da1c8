import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll } from 'vitest';

/** For tests that start an engine: the next file of the process may be one that makes tensors without starting any. */
export const plainAfter = (): void => afterAll(async () => void (await tf.setBackend('cpu')));
