import * as tf from '@tensorflow/tfjs-core';
// tfjs-core's Node build registers no gradients, the layers' build does.
import '@tensorflow/tfjs-layers';

/**
 * Makes the engine named by `KD_ENGINE` current: `tensorflow` (the default; an engine that cannot start is an error,
 * not a reason to
 * run something else) or `cpu`, plain TensorFlow.js.
 */
export async function startEngine(): Promise<string> {
  const name = process.env['KD_ENGINE'] || 'tensorflow';
  if (name === 'tensorflow') {
    const { tensorflow } = await import('@kd/engine-tensorflow');
    await tensorflow().start();
  } else if (name === 'cpu') {
    await import('@tensorflow/tfjs-backend-cpu');
    await tf.setBackend('cpu');
  } else {
    throw new Error(`KD_ENGINE is "${name}": name tensorflow or cpu.`);
  }
  return tf.getBackend();
}
