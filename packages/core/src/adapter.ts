import * as tf from '@tensorflow/tfjs-core';
import type { PluginScope } from './contract/plugin.js';

/** A 1x1 convolution from the student's channels to the teacher's: trained with the student and dropped after training. */
export interface Adapter {
  /** [1, 1, in, out] */
  readonly kernel: tf.Tensor4D;
  /** [out] */
  readonly bias?: tf.Tensor1D;
}

/**
 * An adapter as variables of a plugin, `<name>/kernel` and `<name>/bias`, uniform in ±1/sqrt(in) (Kaiming uniform with a = sqrt(5), as torch's
 * convolution). Zeros would make constant channels, which get no gradient through a normalisation.
 */
export function createAdapter(scope: PluginScope, name: string, from: number, to: number, { bias = true }: { readonly bias?: boolean } = {}): Adapter {
  const rng = scope.rng.stream('adapter', name);
  const bound = 1 / Math.sqrt(from);
  const draw = (count: number): Float32Array => Float32Array.from({ length: count }, () => (2 * rng.uniform() - 1) * bound);
  const kernel = scope.variable(`${name}/kernel`, tf.tensor4d(draw(from * to), [1, 1, from, to])) as tf.Tensor as tf.Tensor4D;
  return bias ? { kernel, bias: scope.variable(`${name}/bias`, tf.tensor1d(draw(to))) as tf.Tensor as tf.Tensor1D } : { kernel };
}

/** [n, h, w, in] -> [n, h, w, out]. As one matrix product, whose gradients every backend has. */
export function applyAdapter(map: tf.Tensor4D, { kernel, bias }: Adapter): tf.Tensor4D {
  const [n, h, w, from] = map.shape;
  const to = kernel.shape[3];
  const rows = tf.matMul<tf.Tensor2D>(tf.reshape(map, [n * h * w, from]), tf.reshape(kernel, [from, to]));
  return tf.reshape(bias ? tf.add(rows, bias) : rows, [n, h, w, to]);
}
