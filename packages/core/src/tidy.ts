import * as tf from '@tensorflow/tfjs-core';

/** `tf.tidy` for any nesting of objects and arrays of tensors, readonly ones too. */
export function tidy<T>(run: () => T): T {
  return tf.tidy(run as () => tf.TensorContainer) as T;
}

/** Disposes every tensor in any nesting of objects and arrays. */
export function disposeAll(value: unknown): void {
  tf.dispose(value as tf.TensorContainer);
}
