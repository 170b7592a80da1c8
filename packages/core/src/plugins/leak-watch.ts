import * as tf from '@tensorflow/tfjs-core';
import type { Targets } from '../contract/detector.js';
import { KeptInHooks } from './kept-in-hooks.js';
import type { Logger } from '../logger.js';
import type { Distiller } from './plugin-host.js';
import type { StepModels, StepProgress } from '../step/step-models.js';
import { computeStep, type StepResult } from '../step/step.js';

/**
 * So many times in a row before anything is said: what is made once, or once for a size of images, is a cache and no
 * leak.
 */
const IN_A_ROW = 3;

/** So many steps a plugin has to free what it kept in the one that is looked at. */
const STEPS_TO_FREE = 2;

const WAY_OUT =
  'Free what it keeps when that is replaced (tf.dispose), put what returns at once into tf.tidy, and make variables with scope.variable in create or featureTap; testPlugin of @kd/testing tests it.';

/** Watches that are open, and how many ever were: live tensors are counted for the whole process. */
const watches = { open: 0, opened: 0 };

/**
 * Tells once which plugin leaves tensors behind in every step, in every pass or at every checkpoint: a training that
 * grows so dies hours later, of memory and
 * without a word about who it was. A number is compared before and after; no tensor is looked at until a leak is
 * certain.
 */
export class LeakWatch {
  readonly #logger: Logger;
  readonly #sizes = new Set<string>();
  readonly #streaks = new Map<string, number>();
  #stepStreak = 0;
  #looking: { readonly kept: KeptInHooks; readonly step: number; steps: number } | null = null;
  #told = false;

  constructor(logger: Logger) {
    this.#logger = logger;
    watches.open++;
    watches.opened++;
  }

  close(): void {
    watches.open--;
  }

  /** {@link computeStep}, counted. Exact with other trainings in the process as well: nothing else runs in between. */
  step(models: StepModels, images: tf.Tensor4D, targets: Targets, progress: StepProgress): StepResult {
    if (this.#told) return computeStep(models, images, targets, progress);
    const size = images.shape.join();
    const known = this.#sizes.has(size);
    this.#sizes.add(size);
    const look = known && this.#looking === null && this.#stepStreak >= IN_A_ROW ? new KeptInHooks() : null;
    const before = tf.memory().numTensors;
    const result = computeStep(
      look === null ? models : { ...models, distillers: look.watched(models.distillers) },
      images,
      targets,
      progress,
    );
    const left = tf.memory().numTensors - before - owned(result);
    // The first images of a size may bring caches.
    if (known) this.#stepStreak = left > 0 ? this.#stepStreak + 1 : 0;
    if (look !== null && left > 0) this.#looking = { kept: look, step: left, steps: 0 };
    else if (this.#looking !== null) this.#judge(this.#looking, models);
    return result;
  }

  #judge(
    looking: { readonly kept: KeptInHooks; readonly step: number; steps: number },
    { student, teacher, teachers = new Map() }: StepModels,
  ): void {
    if (++looking.steps < STEPS_TO_FREE) return;
    this.#looking = null;
    if (this.#stepStreak === 0) return;
    this.#told = true;
    const found = looking.kept.leftBehind();
    for (const { id, hook, tensors } of found)
      this.#tell(`${id}.${hook} leaves ${counted(tensors)} behind in every step`);
    if (found.length === 0) {
      const detectors = [
        ...new Set(
          [
            student,
            ...(teacher === null ? [] : [teacher]),
            ...[...teachers.values()].map(({ detector }) => detector),
          ].map(({ name }) => name),
        ),
      ].join(', ');
      this.#logger.warn(
        `every step leaves ${counted(looking.step)} behind, and no hook of a plugin keeps them: memory grows until the run ends. Look at the detectors (${detectors}) with testDetector of @kd/testing.`,
      );
    }
  }

  /** Counts around what a plugin does at once outside of the step: taking a result, giving its state. */
  around<T>(id: string, what: string, run: () => T): T {
    const before = tf.memory().numTensors;
    const result = run();
    this.#note(id, what, tf.memory().numTensors - before);
    return result;
  }

  /** Counts around a pass, unless another training of the process was there, whose tensors would be counted as well. */
  async aroundPass<T>(id: string, run: () => Promise<T>): Promise<T> {
    const { opened } = watches;
    const before = tf.memory().numTensors;
    const result = await run();
    if (watches.open === 1 && watches.opened === opened)
      this.#note(id, 'datasetPass.run', tf.memory().numTensors - before);
    return result;
  }

  /** The plugins with their hooks counted, for what happens between steps. */
  between(distillers: readonly Distiller[]): Distiller[] {
    return distillers.map((distiller) => ({
      ...distiller,
      call: (hook, run) => this.around(distiller.id, hook, () => distiller.call(hook, run)),
    }));
  }

  #note(id: string, what: string, left: number): void {
    const key = `${id}.${what}`;
    const streak = left > 0 ? (this.#streaks.get(key) ?? 0) + 1 : 0;
    this.#streaks.set(key, streak);
    if (streak === IN_A_ROW) this.#tell(`${key} leaves ${counted(left)} behind every time`);
  }

  #tell(who: string): void {
    this.#logger.warn(`${who}: memory grows until the run ends. ${WAY_OUT}`);
  }
}

const counted = (tensors: number): string => `${tensors} ${tensors === 1 ? 'tensor' : 'tensors'}`;

/** Tensors of the result, which the caller frees. */
const owned = ({ terms, gradients, updates }: StepResult): number =>
  new Set([terms, ...gradients.values(), ...updates.map(({ value }) => value)]).size;
