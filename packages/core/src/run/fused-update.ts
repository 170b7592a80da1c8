import * as tf from '@tensorflow/tfjs-core';

/**
 * An update in one pass, where the backend in use has a kernel of its own for it; null elsewhere.
 * @param inputs the variable's value, its gradient and its slots, of one shape
 * @param numbers what changes from update to update: numbers, or scalars of the backend
 * @param attributes what stays
 */
export function fusedUpdate(
  kernel: 'KdSgd' | 'KdAdam',
  inputs: tf.NamedTensorMap,
  numbers: Readonly<Record<string, number | tf.Tensor>>,
  attributes: Readonly<Record<string, number>>,
): readonly tf.Tensor[] | null {
  if (tf.getKernel(kernel, tf.getBackend()) === undefined) return null;
  const scalars = Object.entries(numbers).map(
    ([name, value]) => [name, typeof value === 'number' ? tf.scalar(value) : value] as const,
  );
  return tf
    .engine()
    .runKernel(kernel, { ...inputs, ...Object.fromEntries(scalars) }, attributes) as unknown as readonly tf.Tensor[];
}
