import * as tf from '@tensorflow/tfjs-core';
import { layers, type Shape } from '@tensorflow/tfjs-layers';
import { type Layer, type LayerConfig, onlyTensor } from './layer-weight.js';

/** `exp(x)`: TensorFlow.js has no layer for it. */
export class Exp extends layers.Layer {
  static readonly className = 'Exp';

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    return inputShape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.exp(onlyTensor(inputs));
  }
}

/** Multiplies by a fixed number. */
export class Times extends layers.Layer {
  static readonly className = 'Times';
  readonly factor: number;

  constructor({ name, factor }: { readonly name: string; readonly factor: number }) {
    super({ name });
    this.factor = factor;
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    return inputShape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.mul(onlyTensor(inputs), this.factor);
  }

  override getConfig(): LayerConfig {
    return { ...super.getConfig(), factor: this.factor };
  }
}

export const activation = (name: string, kind: 'relu' | 'exp'): Layer =>
  kind === 'exp' ? new Exp({ name }) : layers.reLU({ name });
