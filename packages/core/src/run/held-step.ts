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
    const began = performance.now();
    if (began < this.#dueAt) return;
    this.#state = await copy();
    const now = performance.now();
    this.#dueAt = now + 99 * (now - began);
  }

  /** For where the disk holds a newer one. */
  drop(): void {
    this.#state = null;
  }
}
