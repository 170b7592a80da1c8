import * as tf from '@tensorflow/tfjs-core';

/**
 * What `run` gives, and the places that read a tensor on the host while `run` runs, as lines of the stack: such a step
 * cannot be compiled, and does not run on engines without synchronous reads.
 */
export function hostReads<T>(run: () => T): { readonly result: T; readonly reads: readonly string[] } {
  const reads: string[] = [];
  const { dataSync } = tf.Tensor.prototype;
  tf.Tensor.prototype.dataSync = function (this: tf.Tensor) {
    const lines = new Error('read').stack!.split('\n').slice(1);
    reads.push((lines.find((line) => !/dataSync|host-reads|tfjs/.test(line)) ?? lines[0]!).trim());
    return dataSync.call(this);
  } as typeof dataSync;
  try {
    return { result: run(), reads };
  } finally {
    tf.Tensor.prototype.dataSync = dataSync;
  }
}
