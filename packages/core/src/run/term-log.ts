import * as tf from '@tensorflow/tfjs-core';
import type { LogEvent } from '../contract/listener.js';
import { KdError } from '../errors.js';
import type { StepResult } from '../step/step.js';

type Figures = Pick<LogEvent, 'terms' | 'total' | 'stats' | 'lr' | 'imagesPerSecond' | 'waited'> & {
  readonly secondsPerStep: number;
};

interface Entry {
  readonly names: readonly string[];
  readonly stats: readonly string[];
  readonly terms: tf.Tensor1D;
  readonly step: number;
  readonly ids: readonly (number | string)[];
}

const FIRST_STEPS = 3;

/**
 * Keeps the loss terms of the steps since the last read on the device, so that a step never waits for the host. Reading
 * them also finds the first one that is not finite.
 */
export class TermLog {
  readonly #waitedMs: () => number;
  readonly #plugins: ReadonlySet<string>;
  #entries: Entry[] = [];
  #steps = 0;
  #lr = 0;
  #since = performance.now();
  #waitedBefore = 0;

  /** @param plugins ids of those whose terms are `<id>.<name>` */
  constructor(waitedMs: () => number, plugins: Iterable<string>) {
    this.#waitedMs = waitedMs;
    this.#plugins = new Set(plugins);
  }

  add({ names, stats, terms }: StepResult, { step, ids }: Pick<Entry, 'step' | 'ids'>): void {
    this.#entries.push({ names, stats, terms, step, ids });
  }

  endOfStep(lr: number): void {
    this.#steps++;
    this.#lr = lr;
  }

  /** Forgets a step that did not come to its end. */
  dropAfter(step: number): void {
    tf.dispose(this.#entries.filter((entry) => entry.step > step).map(({ terms }) => terms));
    this.#entries = this.#entries.filter((entry) => entry.step <= step);
  }

  /** Leaves a stretch of time (an evaluation) out of the speed. */
  skipTime(milliseconds: number): void {
    this.#since += milliseconds;
  }

  /**
   * Means since the last read, or null when there was no step. @throws KdError NON_FINITE naming term, step and images
   */
  async read(imagesPerStep: number): Promise<Figures | null> {
    const entries = this.#entries;
    if (entries.length === 0) return null;
    const sums = new Map<string, number>();
    const told = new Map<string, number[]>();
    try {
      for (const { names, stats, terms, step, ids } of entries) {
        const values = await terms.data();
        names.forEach((name, i) => {
          const value = values[i]!;
          if (!Number.isFinite(value)) {
            throw new KdError(
              'NON_FINITE',
              `the term ${name} became ${value} at step ${step} (images ${ids.join(', ')}). ${this.#advice(name, step)}`,
            );
          }
          sums.set(name, (sums.get(name) ?? 0) + value);
        });
        stats.forEach((name, i) => {
          const value = values[names.length + i]!;
          if (Number.isFinite(value)) told.set(name, [...(told.get(name) ?? []), value]);
        });
      }
    } finally {
      this.dispose();
    }
    const elapsed = Math.max(1e-3, performance.now() - this.#since);
    const waited = this.#waitedMs() - this.#waitedBefore;
    const terms = Object.fromEntries([...sums].map(([name, sum]) => [name, sum / entries.length]));
    const steps = Math.max(1, this.#steps);
    this.#since = performance.now();
    this.#waitedBefore += waited;
    this.#steps = 0;
    return {
      terms,
      stats: Object.fromEntries(
        [...told].map(([name, values]) => [name, values.reduce((sum, value) => sum + value, 0) / values.length]),
      ),
      total: Object.values(terms).reduce((sum, term) => sum + term, 0),
      lr: this.#lr,
      imagesPerSecond: (steps * imagesPerStep * 1000) / elapsed,
      waited: Math.min(1, waited / elapsed),
      secondsPerStep: elapsed / steps / 1000,
    };
  }

  /** Before training can have diverged, a plugin's term is what its hook computes. */
  #advice(name: string, step: number): string {
    const plugin = name.slice(0, name.lastIndexOf('.'));
    return step <= FIRST_STEPS && this.#plugins.has(plugin)
      ? `In the first steps that is the plugin ${plugin}'s own: look in its hook for a division by zero, a logarithm or root of what is not above 0, or a number that is none (of its options, of step.progress).`
      : 'Lower the learning rate, add clipNorm, or look at these images with kd data check.';
  }

  dispose(): void {
    tf.dispose(this.#entries.map(({ terms }) => terms));
    this.#entries = [];
  }
}
