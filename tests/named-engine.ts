import type { Engine } from '@kd/core';

/**
 * The engine that `KD_ENGINE` names for tests: `tensorflow` (the default; one that cannot start is an error, not a
 * reason to run another), `wasm`, or `cpu`, plain TensorFlow.js.
 */
export async function namedEngine(): Promise<Engine> {
  const name = process.env['KD_ENGINE'] || 'tensorflow';
  if (name === 'tensorflow') return (await import('@kd/engine-tensorflow')).tensorflow();
  if (name === 'wasm') return (await import('@kd/engine-wasm')).wasm();
  if (name === 'cpu') return (await import('@kd/testing')).cpuEngine();
  throw new Error(`KD_ENGINE is "${name}": name tensorflow, wasm or cpu.`);
}
