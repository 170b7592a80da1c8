import type * as tf from '@tensorflow/tfjs-core';
import { type LayerVariable, type layers } from '@tensorflow/tfjs-layers';

/** A layer of a network; TensorFlow.js exports the class only as a member of `layers`. */
export type Layer = InstanceType<typeof layers.Layer>;

/** What `getConfig` of a layer returns. */
export type LayerConfig = ReturnType<Layer['getConfig']>;

/** What layers are called with besides their inputs. Layers of TensorFlow.js ignore what they do not know. */
export interface CallContext {
  /** Live batch norm uses batch statistics. */
  readonly training: boolean;
  /** Live batch norm leaves its new running statistics here instead of assigning them. */
  readonly updates: { variable: tf.Variable; value: tf.Tensor }[];
  /** [b] float32: 1 for the rows that live batch norm counts, 0 for padding; without it all count. */
  readonly rows?: tf.Tensor1D;
}

/** The variable behind a layer's weight: `read()` returns the variable itself, typed as a tensor. */
export const variableOf = (weight: LayerVariable): tf.Variable => weight.read() as tf.Variable;

/** `kernel`, `gamma`, …: the last part of the weight's own name, before TensorFlow.js makes it unique. */
export const weightName = (weight: LayerVariable): string => weight.originalName.split('/').at(-1)!;

/** A weight of a layer by its name, or undefined. */
export function weightOf(layer: Layer, name: string): tf.Variable | undefined {
  const weight = layer.weights.find((candidate) => weightName(candidate) === name);
  return weight && variableOf(weight);
}

/** The only tensor of a layer's input. */
export const onlyTensor = <T>(inputs: T | T[]): T => (Array.isArray(inputs) ? inputs[0]! : inputs);

/** Number of channels of the only input. */
export function channelsOf(shape: readonly (number | null)[] | readonly (readonly (number | null)[])[]): number {
  const one = (Array.isArray(shape[0]) ? shape[0] : shape) as readonly (number | null)[];
  return one.at(-1)!;
}
