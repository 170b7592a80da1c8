import { type Adapter, applyAdapter, createAdapter, type VariableMaker } from '@kd/core';
import { layerNorm } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

/** Adds to every cell what a small network makes of the whole map (GcBlock of Cao et al., 2019). */
export interface ContextBlock {
  /** Of c channels one: how much each cell says of the map. */
  readonly mask: Adapter;
  readonly down: Adapter;
  /** [c / 2] each: gain and shift of the layer norm behind `down`. */
  readonly norm: { readonly gamma: tf.Tensor1D; readonly beta: tf.Tensor1D };
  readonly up: Adapter;
}

/** Begins as nothing added: `up` is 0. */
export function createContextBlock(maker: VariableMaker, name: string, channels: number): ContextBlock {
  const inner = Math.max(1, Math.floor(channels / 2));
  const vector = (part: string, initial: tf.Tensor1D): tf.Tensor1D =>
    maker.variable(`${name}/norm/${part}`, initial) as tf.Tensor as tf.Tensor1D;
  return {
    mask: createAdapter(maker, `${name}/mask`, channels, 1, { deviation: Math.sqrt(2 / channels) }),
    down: createAdapter(maker, `${name}/down`, channels, inner),
    norm: { gamma: vector('gamma', tf.ones([inner])), beta: vector('beta', tf.zeros([inner])) },
    up: createAdapter(maker, `${name}/up`, inner, channels, { deviation: 0 }),
  };
}

/** [b, h, w, c] -> [b, h, w, c] */
export function applyContextBlock(map: tf.Tensor4D, { mask, down, norm, up }: ContextBlock): tf.Tensor4D {
  const [b, h, w, c] = map.shape;
  const shares = tf.softmax(tf.reshape(applyAdapter(map, mask), [b, 1, h * w]));
  const context = tf.matMul(shares, tf.reshape(map, [b, h * w, c])); // [b, 1, c]
  const made = applyAdapter(tf.reshape(context, [b, 1, 1, c]), down);
  const bottleneck = tf.relu(tf.add(tf.mul(layerNorm(made, EPSILON), norm.gamma), norm.beta)) as tf.Tensor4D;
  return tf.add(map, applyAdapter(bottleneck, up));
}

const EPSILON = 1e-5;
