import type { Logger, NamedTensors } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Counts steps whose terms were left out. The count stays on the device until a checkpoint asks for it, as the end of a
 * run does, so that no step waits for the host.
 */
export class EmptySteps {
  readonly #id: string;
  readonly #logger: Logger;
  // A variable, so that a compiled step goes on counting.
  readonly #count = tf.tidy(() => tf.variable(tf.scalar(0), false));
  #told = false;

  constructor(id: string, logger: Logger) {
    this.#id = id;
    this.#logger = logger;
  }

  /** @param empty 1 for a step without positives, else 0 */
  add(empty: tf.Scalar): void {
    tf.tidy(() => this.#count.assign(tf.add(this.#count, empty)));
  }

  /** Reads the count; the first time that there is one, the person hears of it. */
  async state(): Promise<NamedTensors> {
    const [steps] = (await this.#count.data()) as unknown as [number];
    this.#tell(steps);
    return steps === 0 ? new Map() : new Map([['empty', { dtype: 'F32', shape: [1], data: Float32Array.of(steps) }]]);
  }

  restore(state: NamedTensors): void {
    tf.tidy(() => this.#count.assign(tf.scalar(Number(state.get('empty')?.data[0] ?? 0))));
  }

  dispose(): void {
    this.#count.dispose();
  }

  #tell(steps: number): void {
    if (steps > 0 && !this.#told) {
      this.#told = true;
      this.#logger.warn(
        `${this.#id}: ${steps === 1 ? '1 batch' : `${steps} batches`} so far had no positive prior, hence no centerness to divide by: its terms were left out there. parity: true divides by 1e-6 instead, as the reference does, and gives losses of 10^6.`,
      );
    }
  }
}
