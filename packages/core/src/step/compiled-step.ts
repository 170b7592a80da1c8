import type * as tf from '@tensorflow/tfjs-core';
import type { Targets } from '../contract/detector.js';
import type { CapturedTensor, Compiled, CompileOptions, Engine } from '../contract/engine.js';
import type { Distiller } from '../plugins/plugin-host.js';
import { type GivenMaps, standInOf } from '../plugins/stand-in.js';
import { part } from '../profile/part.js';
import { orRefused } from './or-refused.js';
import type { InPrecision, StepModels, StepProgress } from './step-models.js';
import { computeStep, type StepResult } from './step.js';
import { tracedTargets } from './traced-views.js';

interface StepArgs {
  readonly images: tf.Tensor4D;
  readonly targets: Omit<Targets, 'ids'>;
  /** Ids of the distillers that count. */
  readonly distillers: readonly string[];
  /** What teachers that ran before the step hand out, by their names. */
  readonly ahead: Readonly<Record<string, GivenMaps>>;
}

/** A result of the graph, which assigns the updates itself, as it does what hooks assign. */
interface NamedResult extends Omit<StepResult, 'gradients' | 'updates'> {
  readonly gradients: Readonly<Record<string, tf.Tensor>>;
}

/** What compiling took so far. */
export interface CompiledSoFar {
  /** Traced, the first run of each, in which the engine makes its graph fast, included. */
  readonly seconds: number;
  /** Of batches. */
  readonly sizes: number;
}

/** Called once or more with every variable that the step at hand is about to assign. */
export type BeforeUpdate = (variable: tf.Variable) => void;

type Compile = NonNullable<Engine['compile']>;

export interface CompiledStepOptions extends Pick<CompileOptions, 'logger' | 'watcher' | 'most'> {
  /** What runs the step while it is traced; default: as it is. */
  readonly around?: InPrecision | undefined;
}

/** The step as one graph for each size of batches and set of distillers that count; see {@link computeStep}. */
export class CompiledStep {
  readonly #models: StepModels;
  readonly #options: CompileOptions;
  readonly #compiled: Compiled<StepArgs, NamedResult, StepProgress>;
  /** Sets of distillers with one that cannot be traced. */
  readonly #refused = new Set<string>();
  readonly #sizes = new Set<string>();
  /** What steps assign: running statistics, and what hooks keep. */
  readonly #updated = new Set<tf.Variable>();
  /** Told of steps that are not compiled where others have fewer bits. */
  readonly #inFloat32: string;
  #seconds = 0;
  #traced = false;
  #beforeUpdate: BeforeUpdate = () => {};
  /** The hook that is called while the step is traced. */
  #at: string | null = null;
  /** What was told of tensors from before. */
  readonly #told = new Set<string>();
  /** Of the step at hand, whose values choose the distillers. */
  #now: StepProgress = { step: 0, steps: 1, epoch: 0, epochs: 1, fraction: 0 };

  constructor(models: StepModels, compile: Compile, { around, ...options }: CompiledStepOptions) {
    this.#models = models;
    this.#inFloat32 = around !== undefined || models.aroundTeachers !== undefined ? ', in float32' : '';
    this.#options = {
      ...options,
      name: 'the training step',
      inPlace: true,
      at: () => this.#at,
      onTrace: ({ captured, assigned }) => {
        this.#traced = true;
        for (const variable of assigned) this.#updated.add(variable);
        this.#tellBefore();
        this.#tellOf(captured);
      },
    };
    const named = { ...models, distillers: models.distillers.map((one) => this.#named(one)) };
    this.#compiled = compile<StepArgs, NamedResult, StepProgress>(({ images, targets, ahead }, input) => {
      const step = (): StepResult => computeStep({ ...named, input }, images, tracedTargets(targets), this.#now);
      const { gradients, updates, ...result } = Object.entries(ahead).reduce(
        (run, [id, given]) =>
          () =>
            standInOf(models.teachers!.get(id)!.detector)!.within!(given, run),
        () => (around === undefined ? step() : around(step)),
      )();
      for (const { variable, value } of updates) {
        variable.assign(value);
        value.dispose();
      }
      return { ...result, gradients: Object.fromEntries(gradients) };
    }, this.#options);
  }

  /** Null where no step was. */
  get soFar(): CompiledSoFar | null {
    return this.#sizes.size === 0 ? null : { seconds: this.#seconds, sizes: this.#sizes.size };
  }

  /**
   * Null where the step cannot be compiled, which is said once: it is to be run op by op. Else all updates are done;
   * what fails on the way leaves the variables that `beforeUpdate` was called with without values.
   */
  run(
    images: tf.Tensor4D,
    { ids: _, ...targets }: Targets,
    progress: StepProgress,
    beforeUpdate: BeforeUpdate = () => {},
  ): StepResult | null {
    const distillers = this.#models.distillers.filter(({ factor }) => factor(progress) !== 0).map(({ id }) => id);
    const key = distillers.join();
    if (this.#refused.has(key)) return null;
    this.#now = progress;
    this.#traced = false;
    this.#beforeUpdate = beforeUpdate;
    this.#tellBefore();
    const began = performance.now();
    const args = { images, targets, distillers, ahead: this.#ahead() };
    const made = orRefused(
      () => part('compiled step', () => this.#compiled(args, progress)),
      this.#options.logger,
      `Such steps run op by op${this.#inFloat32}.`,
    );
    if (made === null) {
      this.#refused.add(key);
      return null;
    }
    if (this.#traced) {
      this.#sizes.add(images.shape.join());
      this.#seconds += (performance.now() - began) / 1000;
    }
    return { ...made, gradients: new Map(Object.entries(made.gradients)), updates: [] };
  }

  /** A hook may have another variable in the place of one by now. */
  #tellBefore(): void {
    for (const variable of this.#updated)
      if (variable.isDisposed) this.#updated.delete(variable);
      else this.#beforeUpdate(variable);
  }

  #named(distiller: Distiller): Distiller {
    return {
      ...distiller,
      call: (hook, run) => {
        this.#at = `${distiller.id}.${hook}`;
        try {
          return distiller.call(hook, run);
        } finally {
          this.#at = null;
        }
      },
    };
  }

  /** Not of what a pass made: the step is traced anew after each. */
  #tellOf(captured: readonly CapturedTensor[]): void {
    const passing = this.#models.distillers.filter(({ hooks }) => hooks.datasetPass !== undefined);
    for (const { shape, at, line } of captured) {
      if (passing.some(({ id }) => at?.startsWith(`${id}.`))) continue;
      const text = `the training step is compiled with a tensor that is not made in it, ${shape.length === 0 ? 'a scalar' : `[${shape.join(', ')}]`}${at === null ? '' : `, that ${at} reads`}${line === '' ? '' : ` (${line})`}: it stays what it is now. Keep what changes in a variable.`;
      if (!this.#told.has(text)) this.#options.logger.info(text);
      this.#told.add(text);
    }
  }

  #ahead(): StepArgs['ahead'] {
    const given = [...(this.#models.teachers ?? [])].map(
      ([id, { detector }]) => [id, standInOf(detector)?.given?.()] as const,
    );
    return Object.fromEntries(given.flatMap(([id, maps]) => (maps === undefined ? [] : [[id, maps]])));
  }

  /** Has it traced anew: tensors that it read were replaced. */
  clear(): void {
    this.#compiled.clear();
  }
}
