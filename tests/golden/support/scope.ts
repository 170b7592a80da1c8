import * as tf from '@tensorflow/tfjs-core';

/** A tidy that may wait: data are read by `await tensor.data()`, which every engine can. */
export async function scoped<T>(run: () => T | Promise<T>): Promise<T> {
  tf.engine().startScope();
  try {
    return await run();
  } finally {
    tf.engine().endScope();
  }
}
