import type * as tf from '@tensorflow/tfjs-core';

/** A model whose intermediate tensors can be asked for by name. */
export interface Network {
  /** Shape of its input, null where any size will do. */
  readonly input: readonly (number | null)[];
  /** Whatever may be a map, in the order of the network. */
  readonly names: readonly string[];
  /** Tensors of these names, which the caller disposes. */
  run(images: tf.Tensor, names: readonly string[]): Promise<tf.Tensor[]>;
  dispose(): void;
}
