import * as tf from '@tensorflow/tfjs-core';
import type { Distiller } from './plugin-host.js';

/** What one hook of one plugin kept and did not free. */
export interface LeftBehind {
  readonly id: string;
  readonly hook: string;
  readonly tensors: number;
}

/**
 * Sees which hooks of a step keep tensors (`tf.keep`) or make variables (`tf.variable`): all else is freed with the
 * tidy around the step. Meant for
 * one step, and asked a few steps later, when a plugin that exchanges its tensors has freed those of that step.
 */
export class KeptInHooks {
  readonly #kept = new Map<string, { readonly id: string; readonly hook: string; readonly tensors: Set<tf.Tensor> }>();

  /** The plugins as they are, with their hooks looked at. */
  watched(distillers: readonly Distiller[]): Distiller[] {
    return distillers.map((distiller) => ({
      ...distiller,
      call: (hook, run) => this.#during(distiller.id, hook, () => distiller.call(hook, run)),
      factor: (progress) => this.#during(distiller.id, 'schedule', () => distiller.factor(progress)),
    }));
  }

  leftBehind(): LeftBehind[] {
    return [...this.#kept.values()]
      .map(({ id, hook, tensors }) => ({
        id,
        hook,
        tensors: [...tensors].filter((tensor) => !tensor.isDisposed).length,
      }))
      .filter(({ tensors }) => tensors > 0);
  }

  #during<T>(id: string, hook: string, run: () => T): T {
    const engine = tf.engine();
    const kept = new Set<tf.Tensor>();
    const before = new Set(Object.keys(engine.registeredVariables));
    // TensorFlow.js tells nobody what is kept. It keeps what the tape saves in the same way, and frees that with the
    // step.
    const keep = engine.keep;
    engine.keep = (tensor) => {
      kept.add(tensor);
      return keep.call(engine, tensor) as typeof tensor;
    };
    try {
      return run();
    } finally {
      engine.keep = keep;
      for (const [name, variable] of Object.entries(engine.registeredVariables))
        if (!before.has(name)) kept.add(variable);
      this.#kept.set(`${id}.${hook}`, { id, hook, tensors: kept });
    }
  }
}
