import * as tf from '@tensorflow/tfjs-core';

/** Tensors that outlive the tidies around them: one made in a plugin's own tidy, and read by the next plugin, say. */
export class Kept {
  readonly #tensors = new Set<tf.Tensor>();

  keep<T extends tf.Tensor>(tensor: T): T {
    this.#tensors.add(tensor);
    return tf.keep(tensor);
  }

  dispose(): void {
    tf.dispose([...this.#tensors]);
  }
}
