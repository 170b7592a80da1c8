import { type Adapter, applyAdapter, createAdapter, type VariableMaker } from '@kd/core';
import { maxPool2d } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

/** Adds to every cell what all others say of it, by the product of their features (Wang et al., CVPR 2018). */
export interface NonLocalBlock {
  /** 1x1 convolutions from c channels to fewer: of the cell, of the others, and what the others say. */
  readonly theta: Adapter;
  readonly phi: Adapter;
  readonly g: Adapter;
  /** Back to c channels. */
  readonly out: Adapter;
  /** Side and stride of the windows whose maximum stands for the others. */
  readonly pool: number;
}

/** Begins as nothing added: the norm at its end has a gain of 0. */
export function createNonLocal(
  maker: VariableMaker,
  name: string,
  { channels, inner, pool }: { readonly channels: number; readonly inner: number; readonly pool: number },
): NonLocalBlock {
  const into = (part: string): Adapter => createAdapter(maker, `${name}/${part}`, channels, inner);
  return {
    theta: into('theta'),
    phi: into('phi'),
    g: into('g'),
    out: createAdapter(maker, `${name}/out`, inner, channels, { norm: true, gain: 0 }),
    pool,
  };
}

/** [b, h, w, c] -> [b, h, w, c] */
export function applyNonLocal(map: tf.Tensor4D, { theta, phi, g, out, pool }: NonLocalBlock): tf.Tensor4D {
  const [b, h, w] = map.shape;
  const rows = (x: tf.Tensor4D): tf.Tensor3D => tf.reshape(x, [b, x.shape[1] * x.shape[2], x.shape[3]]);
  // A window that is larger than the map is the map.
  const size = Math.min(pool, h, w);
  const pooled = (x: tf.Tensor4D): tf.Tensor3D => rows(size > 1 ? maxPool2d(x, { size, stride: size }) : x);
  const keys = pooled(applyAdapter(map, phi));
  const products = tf.div(tf.matMul(rows(applyAdapter(map, theta)), keys, false, true), keys.shape[1]); // [b, p, q]
  const said = tf.matMul(products, pooled(applyAdapter(map, g)));
  return tf.add(map, applyAdapter(tf.reshape(said, [b, h, w, said.shape[2]!]), out));
}
