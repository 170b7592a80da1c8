import * as tf from '@tensorflow/tfjs-core';
import { initializers, type LayerVariable, layers, type Shape } from '@tensorflow/tfjs-layers';
import { onlyTensor, variableOf } from './layer-weight.js';

/**
 * Multiplies a map by one trained scalar that starts at 1: the levels share a prediction layer and differ in this (Tian
 * et al., FCOS, 2019).
 */
export class LevelScale extends layers.Layer {
  static readonly className = 'LevelScale';
  private scale!: LayerVariable;

  constructor({ name }: { readonly name: string }) {
    super({ name });
  }

  override build(): void {
    this.scale = this.addWeight('scale', [], 'float32', initializers.ones());
    this.built = true;
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    return inputShape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.mul(onlyTensor(inputs), variableOf(this.scale));
  }
}
