import * as tf from '@tensorflow/tfjs-core';
import { KdError } from '../errors.js';

/** What a checkpoint keeps of it. */
export interface LossScaleState {
  readonly value: number;
  /** Steps with finite gradients since it was last changed. */
  readonly good: number;
}

const [GROWTH, INTERVAL] = [2, 2000];

/**
 * What the loss is multiplied by, so that gradients of 16 bits are none of them zero, by the rule and the defaults of
 * torch's GradScaler: halved after a step whose gradients are not finite, which is left out, doubled after 2000 others
 * in a row.
 */
export class LossScale {
  #state: LossScaleState = { value: 2 ** 16, good: 0 };
  #finite: tf.Scalar[] = [];

  get value(): number {
    return this.#state.value;
  }

  get state(): LossScaleState {
    return this.#state;
  }

  restore(state: LossScaleState): void {
    this.#state = state;
  }

  /** Of a batch of the step at hand: whether its gradients are finite. Taken over. */
  add(finite: tf.Scalar): void {
    this.#finite.push(finite);
  }

  /**
   * Ends a step.
   * @returns whether its gradients are to be applied
   * @throws KdError NON_FINITE where no scale makes them finite
   */
  async settle(step: number): Promise<boolean> {
    const values = await Promise.all(this.#finite.map((one) => one.data()));
    this.drop();
    const finite = values.every(([value]) => value === 1);
    const { value, good } = this.#state;
    if (!finite) this.#state = { value: value / GROWTH, good: 0 };
    else this.#state = good + 1 === INTERVAL ? { value: value * GROWTH, good: 0 } : { value, good: good + 1 };
    if (this.value >= 1) return finite;
    throw new KdError(
      'NON_FINITE',
      `the gradients of step ${step} are not finite, whatever the loss is multiplied by, down to 1. Lower the learning rate, add clipNorm, or leave precision out.`,
    );
  }

  /** Forgets what was added. */
  drop(): void {
    tf.dispose(this.#finite);
    this.#finite = [];
  }
}
