import * as tf from '@tensorflow/tfjs-core';
import type { GoldenTensors } from '../support/index.js';

/** A tensor of the case by its key. */
export function golden(tensors: GoldenTensors, key: string | undefined): tf.Tensor {
  const { values, shape } = tensors.get(key);
  return tf.tensor(Float32Array.from(values), [...shape]);
}

/** [b, h, w, c] */
export const golden4d = (tensors: GoldenTensors, key: string): tf.Tensor4D => golden(tensors, key) as tf.Tensor4D;

/** The cases' name of a map that we call `cls`, `reg` or `centerness`. */
export const mapName = (name: string): string => (name === 'centerness' ? 'ctr' : name);
