import * as tf from '@tensorflow/tfjs-core';

/** Different tensors in any nesting of objects and arrays. */
export function tensorsIn(value: unknown, found = new Set<tf.Tensor>()): Set<tf.Tensor> {
  if (value instanceof tf.Tensor) found.add(value);
  else if (typeof value === 'object' && value !== null)
    for (const inner of Object.values(value)) tensorsIn(inner, found);
  return found;
}

/** Disposes what a forward pass made: taps, levels, predictions and updates, not the variables that they update. */
export function disposeOutput({ taps, levels, predictions, updates }: import('@kd/core').DetectorOutput): void {
  tf.dispose([...tensorsIn([taps, levels, predictions, updates.map(({ value }) => value)])]);
}

/** How many more tensors live after `run` than before. */
export function tensorsAfter(run: () => void): number {
  const before = tf.memory().numTensors;
  run();
  return tf.memory().numTensors - before;
}

/** @returns the same of a run that waits */
export async function tensorsAfterAsync(run: () => Promise<void>): Promise<number> {
  const before = tf.memory().numTensors;
  await run();
  return tf.memory().numTensors - before;
}
