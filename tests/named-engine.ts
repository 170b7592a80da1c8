import type { Engine } from '@kd/core';

/** The name of the engine that tests run on, and so do the commands that they start: `KD_ENGINE`, or `tensorflow`. */
export const ENGINE = process.env['KD_ENGINE'] || 'tensorflow';

/**
 * That engine: `tensorflow` (one that cannot start is an error, not a reason to run another), `wasm`,
 * `webgpu`, or `cpu`, plain TensorFlow.js.
 */
export async function namedEngine(): Promise<Engine> {
  if (ENGINE === 'tensorflow') return (await import('@kd/engine-tensorflow')).tensorflow();
  if (ENGINE === 'wasm') return (await import('@kd/engine-wasm')).wasm();
  if (ENGINE === 'webgpu') return (await import('@kd/engine-webgpu')).webgpu();
  if (ENGINE === 'cpu') return (await import('@kd/engine-cpu')).cpu();
  throw new Error(`KD_ENGINE is "${ENGINE}": name tensorflow, wasm, webgpu or cpu.`);
}
