import * as tf from '@tensorflow/tfjs-core';
import type { VariableMaker } from '../contract/plugin.js';

/** A convolution from the student's channels to the teacher's: trained with the student and dropped after training. */
export interface Adapter {
  /** [k, k, in, out], k odd: zeros around the map keep its size */
  readonly kernel: tf.Tensor4D;
  /** [out] */
  readonly bias?: tf.Tensor1D;
  /**
   * Batch norm behind the convolution, by the statistics of the batch: an adapter never runs in inference. [out] each
   */
  readonly norm?: { readonly gamma: tf.Tensor1D; readonly beta: tf.Tensor1D };
  /** ReLU at the end. */
  readonly relu?: boolean;
}

export interface AdapterOptions {
  /** Side of the kernel; default 1. */
  readonly size?: 1 | 3;
  /** Default true. */
  readonly bias?: boolean;
  readonly norm?: boolean;
  /** What the gain of the norm starts at; default 1. */
  readonly gain?: number;
  readonly relu?: boolean;
  /** Deviation of normal weights, cut at two deviations, and biases of 0; without it torch's uniform ones. */
  readonly deviation?: number;
  /** Factor of the learning rate of all its variables; default 1. */
  readonly lr?: number;
  /** Decay of their own, else the optimiser's. */
  readonly weightDecay?: number;
}

/** Added to the variance of {@link Adapter.norm}, as in torch. */
const NORM_EPSILON = 1e-5;

/**
 * An adapter as variables of a plugin, or of a group of them: `<name>/kernel`, `<name>/bias`, `<name>/gamma` and
 * `<name>/beta`. Kernel and bias are uniform in ±1/sqrt(in k²) (Kaiming uniform with a = sqrt(5), as torch's
 * convolution). Zeros would make constant channels, which get no gradient through a normalisation.
 */
export function createAdapter(
  scope: VariableMaker,
  name: string,
  from: number,
  to: number,
  options: AdapterOptions = {},
): Adapter {
  const { size = 1, bias = true, norm = false, gain = 1, relu = false, deviation, lr, weightDecay } = options;
  const trained = { ...(lr !== undefined && { lr }), ...(weightDecay !== undefined && { weightDecay }) };
  const rng = scope.rng.stream('adapter', name);
  const bound = 1 / Math.sqrt(from * size * size);
  const one =
    deviation === undefined ? () => (2 * rng.uniform() - 1) * bound : () => deviation * truncated(() => rng.normal());
  const draw = (count: number): Float32Array => Float32Array.from({ length: count }, one);
  const vector = (part: string, initial: tf.Tensor): tf.Tensor1D =>
    scope.variable(`${name}/${part}`, initial, trained) as tf.Tensor as tf.Tensor1D;
  return {
    kernel: scope.variable(
      `${name}/kernel`,
      tf.tensor4d(draw(size * size * from * to), [size, size, from, to]),
      trained,
    ) as tf.Tensor as tf.Tensor4D,
    ...(bias && { bias: vector('bias', deviation === undefined ? tf.tensor1d(draw(to)) : tf.zeros([to])) }),
    ...(norm && { norm: { gamma: vector('gamma', tf.fill([to], gain)), beta: vector('beta', tf.zeros([to])) } }),
    ...(relu && { relu }),
  };
}

function truncated(normal: () => number): number {
  for (;;) {
    const value = normal();
    if (Math.abs(value) <= 2) return value;
  }
}

/** [n, h, w, in] -> [n, h, w, out] */
export function applyAdapter(map: tf.Tensor4D, { kernel, bias, norm, relu }: Adapter): tf.Tensor4D {
  const convolved =
    kernel.shape[0] === 1 ? product(map, kernel, bias) : biased(tf.conv2d(map, kernel, 1, 'same'), bias);
  const normalised = norm ? batchNorm(convolved, norm) : convolved;
  return relu ? tf.relu(normalised) : normalised;
}

const biased = (map: tf.Tensor4D, bias: tf.Tensor1D | undefined): tf.Tensor4D => (bias ? tf.add(map, bias) : map);

/** A 1x1 convolution as one matrix product, whose gradients every backend has. */
function product(map: tf.Tensor4D, kernel: tf.Tensor4D, bias: tf.Tensor1D | undefined): tf.Tensor4D {
  const [n, h, w, from] = map.shape;
  const to = kernel.shape[3];
  const rows = tf.matMul<tf.Tensor2D>(tf.reshape(map, [n * h * w, from]), tf.reshape(kernel, [from, to]));
  return tf.reshape(bias ? tf.add(rows, bias) : rows, [n, h, w, to]);
}

function batchNorm(map: tf.Tensor4D, { gamma, beta }: NonNullable<Adapter['norm']>): tf.Tensor4D {
  const centred = tf.sub(map, tf.mean(map, [0, 1, 2]));
  const variance = tf.mean(tf.square(centred), [0, 1, 2]); // [out]
  return tf.add(tf.mul(centred, tf.mul(gamma, tf.rsqrt(tf.add(variance, NORM_EPSILON)))), beta);
}
