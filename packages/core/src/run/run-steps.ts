import * as tf from '@tensorflow/tfjs-core';
import type { HostBatch, Loader } from '../contract/data.js';
import type { Detector } from '../contract/detector.js';
import type { TrainerEvent } from '../contract/listener.js';
import type { Progress } from '../contract/plugin.js';
import { KdError } from '../errors.js';
import { openLoader } from '../open-loader.js';
import { GradientSum } from '../step/gradient-sum.js';
import { LeakWatch } from '../plugins/leak-watch.js';
import { createOptimizer } from './optimizers.js';
import type { PassContext, PassMoment } from '../passes/pass-context.js';
import { createPassForward, type PassForward } from '../passes/pass-forward.js';
import { runPasses } from '../passes/passes.js';
import type { Distiller } from '../plugins/plugin-host.js';
import { createRng } from '../rng.js';
import type { Run } from './run.js';
import { idleDistillers } from '../step/idle.js';
import { learningRateFactor } from './schedules.js';
import {
  type InPrecision,
  type StepModels,
  type StepProgress,
  type StepTeacher,
  teacherOf,
} from '../step/step-models.js';
import { type Ahead, aheadOf } from './ahead.js';
import { cachedTeachers } from './cached-teachers.js';
import { checkFlips, teacherStore } from './teacher-cache.js';
import { standInOf } from '../plugins/stand-in.js';
import { CompiledStep, type CompiledSoFar } from '../step/compiled-step.js';
import { deviceBatch } from '../step/step.js';
import { LossScale } from './loss-scale.js';
import { part } from '../profile/part.js';
import { createProfiler, type Profiler } from '../profile/profiler.js';
import { TermLog } from './term-log.js';
import { disposeAll } from '../tidy.js';
import { Updater } from './updater.js';
import { trainedVariables } from '../variables.js';

/** Graphs beyond those of the sizes that are padded to: for batches that fit into none. */
const MORE_GRAPHS = 4;

/**
 * The steps of a run, with their batches and their optimiser: what training runs to the end, and a plan of it twice.
 */
export class RunSteps {
  readonly loader: Loader;
  readonly stepsPerEpoch: number;
  /** Of the whole run. */
  readonly total: number;
  readonly updater: Updater;
  readonly log: TermLog;
  readonly leaks: LeakWatch;
  readonly profiler: Profiler;
  /** Null where no gradient is computed in float16. */
  readonly lossScale: LossScale | null;
  /** Steps done. */
  done = 0;
  /** Where an error would leave the models. After a half update they are those of no step. */
  at: 'between steps' | 'in a step' | 'in an update' = 'between steps';
  /** Of the last batch, [b, h, w, 3] */
  lastShape: readonly number[] = [];
  readonly #run: Run;
  readonly #models: StepModels;
  readonly #ahead: Ahead;
  readonly #compiled: CompiledStep | null;
  #toldCompiled = 0;
  /** As many as there are sizes of batches, so that none is traced in each epoch anew. */
  readonly #mostGraphs: number;
  readonly #forwards = new Map<Detector, PassForward>();
  /** Values from before the step at hand of what its batches assign: running statistics, what hooks of a graph keep. */
  readonly #before = new Map<tf.Variable, tf.Tensor>();

  /** @param watching distillers that only look: no variable of theirs is trained */
  constructor(run: Run, watching: readonly Distiller[] = []) {
    const { config } = run;
    this.#run = run;
    const { workers, onBadImage, augment, buckets } = config.data;
    const { input } = run.student.detector;
    for (const teacher of config.cacheTeacher === true ? cachedTeachers(run.teachers) : []) {
      const standIn = standInOf(teacher.detector)!;
      standIn.store = teacherStore(teacher, standIn, run.taps.teachers.get(teacher.id) ?? [], run);
    }
    this.#ahead = aheadOf(
      run.teachers.map(({ detector }) => detector),
      input,
      run.train.name,
    );
    const { extraInputs } = this.#ahead;
    this.loader = openLoader(run.train, {
      input,
      ...(extraInputs && { extraInputs }),
      batchSize: config.batchSize,
      training: true,
      shuffle: true,
      dropLast: true,
      seed: config.seed,
      augment,
      workers,
      onBadImage,
      buckets,
    });
    this.stepsPerEpoch = Math.floor(this.loader.steps / config.accumulate);
    if (this.stepsPerEpoch === 0) {
      // It may have threads already.
      void this.loader.close();
      throw new KdError(
        'CONFIG_INVALID',
        `the training data (${run.train.name}) has ${run.train.images.length} images: too few for one step of batchSize ${config.batchSize} times accumulate ${config.accumulate}. Make them smaller.`,
      );
    }
    this.total = config.epochs * this.stepsPerEpoch;
    const { stepsPerEpoch, total: steps } = this;
    for (const { id } of idleDistillers(run.distillers, { steps, stepsPerEpoch, epochs: config.epochs }))
      run.logger.warn(
        `distiller "${id}" counts nothing in any of the ${steps} steps (weight 0, or a schedule that is 0 throughout): it is not run. Give it a weight or another schedule, or drop it.`,
      );
    const variables = trainedVariables(run.student.detector, run.distillers);
    this.#models = {
      student: run.student.detector,
      teacher: null,
      teachers: new Map(
        run.teachers.map(({ id, detector }) => [id, { detector, taps: run.taps.teachers.get(id) ?? [] }]),
      ),
      distillers: [...run.distillers, ...watching],
      taps: { student: run.taps.student, teacher: [] },
      variables,
      seed: config.seed,
    };
    const { compile, logger } = run;
    const outside = run.teachers.some(({ detector }) => {
      const standIn = standInOf(detector);
      return standIn !== undefined && standIn.given === undefined;
    });
    if (compile !== null && outside)
      logger.info(
        'a teacher that is a detector with an input of its own is run in the step, with numbers of the host: the step runs op by op, its update is compiled.',
      );
    this.lossScale = run.precision?.floats === 'float16' ? new LossScale() : null;
    this.profiler = createProfiler(run.options.profile?.steps, run.timeDevice);
    const { calls: watcher } = this.profiler;
    this.#mostGraphs = MORE_GRAPHS + Math.max(MORE_GRAPHS, this.loader.paddedSizes?.length ?? 0);
    const most = this.#mostGraphs;
    this.#compiled =
      compile === null || outside
        ? null
        : new CompiledStep(
            { ...this.#models, aroundTeachers: aroundOf('teachers', run), lossScale: this.lossScale ?? undefined },
            compile,
            { logger, most, around: aroundOf('step', run), ...(watcher && { watcher }) },
          );
    this.updater = new Updater(variables, createOptimizer(config.optimizer), {
      clipNorm: config.clipNorm,
      emaDecay: config.ema?.decay ?? null,
      ...(compile && { compile: (name, fn) => compile(fn, { name, logger, inPlace: true }) }),
    });
    this.log = new TermLog(
      () => this.loader.stats.waitedMs,
      run.distillers.map(({ id }) => id),
    );
    this.leaks = new LeakWatch(run.logger);
  }

  get imagesPerStep(): number {
    return this.#run.config.batchSize * this.#run.config.accumulate;
  }

  /** What compiling steps took so far; null where they run op by op. */
  get compiled(): CompiledSoFar | null {
    return this.#compiled?.soFar ?? null;
  }

  /** Seconds of it since the last time that it was asked. */
  compiledSince(): { readonly compiled?: number } {
    const seconds = (this.compiled?.seconds ?? 0) - this.#toldCompiled;
    this.#toldCompiled += seconds;
    return seconds > 0 ? { compiled: seconds } : {};
  }

  progress(epoch: number): Progress {
    return {
      step: this.done,
      steps: this.total,
      epoch,
      epochs: this.#run.config.epochs,
      fraction: this.done / this.total,
    };
  }

  /** Runs what is left of an epoch, and gives after every step how many are done. */
  async *epoch(epoch: number): AsyncGenerator<number, void, undefined> {
    const { accumulate, optimizer, schedule } = this.#run.config;
    const end = (epoch + 1) * this.stepsPerEpoch;
    const sum = new GradientSum(accumulate);
    try {
      const batches = this.loader.epoch(epoch, (this.done - epoch * this.stepsPerEpoch) * accumulate);
      const progressNow = (): StepProgress => ({ ...this.progress(epoch), micro: sum.count });
      for await (const batch of this.profiler.waiting(this.#ahead.follow(batches, () => this.#read(progressNow())))) {
        const progress = progressNow();
        if (this.#run.config.cacheTeacher === true) checkFlips(batch, this.#run);
        // Most runs have no teacher of its own input, and nothing to wait for.
        const free = this.#ahead.some
          ? await this.profiler.waitFor('teacher', () => this.#ahead.run(batch, this.#read(progress)))
          : undefined;
        try {
          this.profiler.during(() => this.#microStep(batch, progress, sum));
        } finally {
          free?.();
        }
        if (!sum.complete) continue;
        const lr = optimizer.lr * learningRateFactor(schedule, this.progress(epoch));
        const applied = (await this.lossScale?.settle(this.done + 1)) ?? true;
        this.at = 'in an update';
        if (applied) this.profiler.during(() => part('optimiser', () => this.updater.apply(sum.mean(), lr)));
        sum.reset();
        this.#forgetBefore();
        this.done++;
        this.at = 'between steps';
        const { keepPace } = this.#run;
        if (keepPace) await this.profiler.waitFor('waiting for the device', keepPace);
        this.log.endOfStep(lr);
        this.profiler.endOfStep(this.done);
        yield this.done;
        if (this.done >= end) return;
      }
    } finally {
      sum.reset();
      this.lossScale?.drop();
      if (this.at === 'in a step') this.#backToBefore();
      this.#forgetBefore();
    }
    throw new KdError(
      'DATA_INVALID',
      `the loader of ${this.#run.train.name} promised ${this.loader.steps} batches an epoch and gave fewer in epoch ${epoch}.`,
    );
  }

  /** The teachers that some distiller learns from in this step. */
  #read(progress: StepProgress): StepTeacher[] {
    const readers = this.#models.distillers.filter(({ factor }) => factor(progress) !== 0);
    return [...new Set(readers.map((one) => teacherOf(this.#models, one)))].filter((one) => one !== null);
  }

  /** A step that failed after some of its batches leaves nothing of them. */
  #backToBefore(): void {
    for (const [variable, value] of this.#before) if (!variable.isDisposed) variable.assign(value);
    this.log.dropAfter(this.done);
  }

  readonly #keepBefore = (variable: tf.Variable): void => {
    if (!this.#before.has(variable)) this.#before.set(variable, tf.clone(variable));
  };

  #forgetBefore(): void {
    tf.dispose([...this.#before.values()]);
    this.#before.clear();
  }

  #microStep(batch: HostBatch, progress: StepProgress, sum: GradientSum): void {
    this.at = 'in a step';
    const onDevice = part('batch to the device', () => deviceBatch(batch));
    try {
      const { images, targets } = onDevice;
      const result =
        this.#compiled?.run(images, targets, progress, this.#keepBefore) ??
        this.leaks.step(this.#models, images, targets, progress);
      this.lastShape = batch.shape;
      this.log.add(result, { step: this.done + 1, ids: batch.ids });
      sum.add(result.gradients);
      if (result.finite) this.lossScale!.add(result.finite);
      for (const { variable, value } of result.updates) {
        this.#keepBefore(variable);
        variable.assign(value);
        value.dispose();
      }
    } finally {
      disposeAll(onDevice);
    }
  }

  /** Runs the data set passes that are due now. False when the signal stopped one. */
  async passes(
    epoch: number,
    { resumed = false, distillers = this.#run.distillers, dataset = this.#run.train, emit }: PassSettings = {},
  ): Promise<boolean> {
    const { student, folder, config, options, logger } = this.#run;
    const moment: PassMoment = { step: this.done, epoch, stepsPerEpoch: this.stepsPerEpoch, resumed };
    const { workers, onBadImage, buckets } = config.data;
    const loader = { batchSize: config.batchSize, workers, onBadImage, buckets };
    const began = performance.now();
    const context = {
      student: student.detector,
      dataset,
      loader,
      forwards: (detector: Detector) => this.#forward(detector),
      folder,
      format: options.format,
      rng: createRng(config.seed),
      logger,
      run: { seed: config.seed },
      ...(emit && { emit }),
      signal: options.signal,
      leaks: this.leaks,
      onResult: () => this.#compiled?.clear(),
    };
    let finished = true;
    for (const distiller of distillers) {
      const { detector: teacher, taps: teacherTaps } = teacherOf(this.#models, distiller)!;
      finished &&= await runPasses([distiller], moment, { ...context, teacher, teacherTaps });
    }
    this.log.skipTime(performance.now() - began);
    return finished;
  }

  /** Of a model in a pass; a teacher that runs before anybody asks has nothing to compile. */
  #forward(detector: Detector): PassForward {
    const known = this.#forwards.get(detector);
    if (known !== undefined) return known;
    const { compile, logger } = this.#run;
    const graphs = { compile: standInOf(detector) ? null : compile, logger, most: this.#mostGraphs };
    const made = createPassForward(detector, graphs);
    this.#forwards.set(detector, made);
    return made;
  }

  async close(): Promise<void> {
    this.leaks.close();
    for (const forward of this.#forwards.values()) forward.close();
    this.#compiled?.clear();
    this.log.dispose();
    this.updater.dispose();
    await this.loader.close();
    for (const { detector } of this.#run.teachers) await standInOf(detector)?.store?.close();
  }
}

const aroundOf = (part: 'step' | 'teachers', { precision }: Run): InPrecision | undefined =>
  precision?.of === part ? precision.run : undefined;

export interface PassSettings extends Partial<Pick<PassContext, 'dataset'>> {
  readonly resumed?: boolean;
  /** Whose passes; default all of the run. */
  readonly distillers?: readonly Distiller[];
  readonly emit?: (event: TrainerEvent) => Promise<void>;
}
