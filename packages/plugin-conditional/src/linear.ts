import type { VariableMaker } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/** A linear layer: kernel [in, out] and bias [out]. */
export interface Linear {
  readonly kernel: tf.Tensor2D;
  readonly bias: tf.Tensor1D;
}

/** A linear layer as variables, uniform in ±1/sqrt(in) as torch's. */
export function createLinear(scope: VariableMaker, name: string, from: number, to: number): Linear {
  const rng = scope.rng.stream('linear', name);
  const bound = 1 / Math.sqrt(from);
  const draw = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => (2 * rng.uniform() - 1) * bound);
  return {
    kernel: scope.variable(`${name}/kernel`, tf.tensor2d(draw(from * to), [from, to])) as tf.Tensor as tf.Tensor2D,
    bias: scope.variable(`${name}/bias`, tf.tensor1d(draw(to))) as tf.Tensor as tf.Tensor1D,
  };
}

/** [b, n, in] -> [b, n, out] */
export function linear(x: tf.Tensor3D, { kernel, bias }: Linear): tf.Tensor3D {
  const [b, n, from] = x.shape;
  const rows = tf.add(tf.matMul(tf.reshape(x, [b * n, from]), kernel), bias);
  return tf.reshape(rows, [b, n, kernel.shape[1]]);
}
