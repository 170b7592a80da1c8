import * as tf from '@tensorflow/tfjs-core';
// tfjs-core's Node build registers no gradients, the layers' build does.
import '@tensorflow/tfjs-layers';
import { namedEngine } from '../../named-engine.js';

/** Makes the engine named by `KD_ENGINE` current. */
export async function startEngine(): Promise<string> {
  await (await namedEngine()).start();
  return tf.getBackend();
}
