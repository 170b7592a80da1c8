import * as tf from '@tensorflow/tfjs-core';

/** Adds up the gradients of `parts` batches; each batch counts the same. */
export class GradientSum {
  readonly #parts: number;
  #count = 0;
  #sum = new Map<string, tf.Tensor>();

  constructor(parts: number) {
    this.#parts = parts;
  }

  /** Takes the gradients over. */
  add(gradients: ReadonlyMap<string, tf.Tensor>): void {
    for (const [path, gradient] of gradients) {
      const before = this.#sum.get(path);
      const share = this.#parts === 1 ? gradient : tf.div(gradient, this.#parts);
      this.#sum.set(path, before === undefined ? share : tf.add(before, share));
      if (before !== undefined) tf.dispose([before, share]);
      if (share !== gradient) gradient.dispose();
    }
    this.#count++;
  }

  /** Batches taken so far. */
  get count(): number {
    return this.#count;
  }

  get complete(): boolean {
    return this.#count === this.#parts;
  }

  /** Still owned by the sum. */
  mean(): ReadonlyMap<string, tf.Tensor> {
    return this.#sum;
  }

  reset(): void {
    tf.dispose([...this.#sum.values()]);
    this.#sum = new Map();
    this.#count = 0;
  }
}
