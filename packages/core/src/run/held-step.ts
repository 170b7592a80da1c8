import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../contract/checkpoint.js';

/** A step as its checkpoint holds it. */
export interface StepState {
  readonly step: number;
  readonly tensors: NamedTensors;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Of a device that may be lost, the newest step that was copied from it. */
export class HeldStep {
  #state: StepState | null = null;
  #dueAt = 0;

  get state(): StepState | null {
    return this.#state;
  }

  /** Copies a step, in at most a hundredth of the time. */
  async take(copy: () => Promise<StepState>): Promise<void> {
    if (performance.now() < this.#dueAt) return;
    await deviceIsIdle();
    const began = performance.now();
    this.#state = await copy();
    const now = performance.now();
    this.#dueAt = now + 99 * (now - began);
  }

  /** For where the disk holds a newer one. */
  drop(): void {
    this.#state = null;
  }
}

/** Steps that the device has not done yet, the first one with all its programs to be made, are no part of a copy. */
async function deviceIsIdle(): Promise<void> {
  const sum = tf.tidy(() => tf.add(1, 1));
  try {
    await sum.data();
  } finally {
    sum.dispose();
  }
}
