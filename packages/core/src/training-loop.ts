import { basename } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from './contract/checkpoint.js';
import type { HostBatch, Loader } from './contract/data.js';
import type { Summary, TrainerEvent } from './contract/listener.js';
import type { MetricResult } from './contract/metric.js';
import type { Progress } from './contract/plugin.js';
import { Checkpoints, detectorTensors, latestCheckpoint, specMetadata } from './checkpoints.js';
import { KdError } from './errors.js';
import { evaluate } from './evaluate.js';
import { GradientSum } from './gradient-sum.js';
import { createOptimizer } from './optimizers.js';
import { runPasses } from './passes.js';
import { createRng } from './rng.js';
import { learningRateFactor } from './schedules.js';
import { computeStep, deviceBatch, type StepModels, type StepProgress } from './step.js';
import { TermLog } from './term-log.js';
import { disposeAll } from './tidy.js';
import { type FixedSettings, positionMetadata, resume, trainingState } from './training-state.js';
import type { Run } from './trainer.js';
import { Updater } from './updater.js';
import { trainedVariables } from './variables.js';
import { versions } from './versions.js';

interface Best {
  readonly value: number;
  readonly epoch: number;
  readonly step: number;
  readonly checkpoint: string;
  readonly result: MetricResult;
}

/** The loop: epochs, steps, logs, evaluations, checkpoints. One instance runs once. */
export class TrainingLoop {
  readonly #run: Run;
  readonly #emit: (event: TrainerEvent) => Promise<void>;
  readonly #loader: Loader;
  readonly #models: StepModels;
  readonly #updater: Updater;
  readonly #checkpoints: Checkpoints;
  readonly #log: TermLog;
  readonly #stepsPerEpoch: number;
  readonly #steps: number;
  #step = 0;
  /** True from a resume to its first data set passes. */
  #resumed = false;
  #best: Best | null = null;
  #last: MetricResult | null = null;
  #millisecondsBefore = 0;
  #millisecondsEvaluating = 0;
  readonly #started = performance.now();

  constructor(run: Run, emit: (event: TrainerEvent) => Promise<void>) {
    const { config } = run;
    this.#run = run;
    this.#emit = emit;
    const { workers, onBadImage, augment } = config.data;
    this.#loader = run.train.loader({ input: run.student.detector.input, batchSize: config.batchSize, training: true, shuffle: true, dropLast: true, seed: config.seed, augment, workers, onBadImage });
    this.#stepsPerEpoch = Math.floor(this.#loader.steps / config.accumulate);
    if (this.#stepsPerEpoch === 0) {
      throw new KdError('CONFIG_INVALID', `the training data (${run.train.name}) has ${run.train.images.length} images: too few for one step of batchSize ${config.batchSize} times accumulate ${config.accumulate}. Make them smaller.`);
    }
    this.#steps = config.epochs * this.#stepsPerEpoch;
    const variables = trainedVariables(run.student.detector, run.distillers);
    this.#models = { student: run.student.detector, teacher: run.teacher?.detector ?? null, distillers: run.distillers, taps: run.taps, variables, rng: createRng(config.seed) };
    this.#updater = new Updater(variables, createOptimizer(config.optimizer), { clipNorm: config.clipNorm, emaDecay: config.ema?.decay ?? null });
    this.#checkpoints = new Checkpoints(run.folder, run.options.format, config.checkpoint.keep);
    this.#log = new TermLog(() => this.#loader.stats.waitedMs);
  }

  async run(): Promise<Summary | null> {
    const { config, options } = this.#run;
    try {
      await this.#start();
      for (let epoch = Math.floor(this.#step / this.#stepsPerEpoch); epoch < config.epochs; epoch++) {
        if (!(await this.#passes(epoch))) return await this.#stop(epoch);
        const from = (this.#step - epoch * this.#stepsPerEpoch) * config.accumulate;
        const finished = await this.#epoch(epoch, from);
        if (!finished) return await this.#stop(epoch);
        await this.#flush(epoch);
        const lastEpoch = epoch + 1 === config.epochs;
        if (lastEpoch || (config.evaluate.every > 0 && (epoch + 1) % config.evaluate.every === 0)) await this.#evaluate(epoch);
        if (lastEpoch || (epoch + 1) % config.checkpoint.every === 0) await this.#checkpoint();
        if (!lastEpoch && options.signal?.aborted === true) return await this.#stop(epoch);
      }
      return await this.#end();
    } finally {
      this.#log.dispose();
      this.#updater.dispose();
      await this.#loader.close();
    }
  }

  async #start(): Promise<void> {
    const { config, options, folder, student, teacher, distillers, engine, train, val } = this.#run;
    const latest = options.resume === true ? await latestCheckpoint(folder.path, options.format) : null;
    if (latest !== null) {
      const state = await resume(latest, options.format, this.#run, this.#updater, this.#fixed());
      this.#step = state.step;
      this.#millisecondsBefore = state.milliseconds;
      this.#millisecondsEvaluating = state.millisecondsEvaluating;
      const best = state.best as Best | null;
      // The folder may have been moved since.
      this.#best = best === null ? null : { ...best, checkpoint: folder.file('checkpoints', basename(best.checkpoint)) };
      this.#last = state.last as MetricResult | null;
      this.#resumed = true;
    }
    await folder.writeJson('config.json', resolvedConfig(this.#run));
    await this.#emit({
      type: 'start',
      run: {
        folder: folder.path, engine, seed: config.seed, epochs: config.epochs, stepsPerEpoch: this.#stepsPerEpoch, steps: this.#steps, startStep: this.#step, batchSize: config.batchSize,
        images: { train: train.images.length, val: val?.images.length ?? 0 }, student: student.info, teacher: teacher?.info ?? null, distillers: distillers.map(({ id }) => id), warnings: [],
      },
    });
  }

  #progress(epoch: number): Progress {
    return { step: this.#step, steps: this.#steps, epoch, epochs: this.#run.config.epochs, fraction: this.#step / this.#steps };
  }

  /** The data set passes that are due now. False when the signal stopped one. */
  async #passes(epoch: number): Promise<boolean> {
    const { teacher, student, distillers, train, folder, config, options, logger } = this.#run;
    if (teacher === null) return true;
    const moment = { step: this.#step, epoch, stepsPerEpoch: this.#stepsPerEpoch, resumed: this.#resumed };
    this.#resumed = false;
    const loader = { batchSize: config.batchSize, workers: config.data.workers, onBadImage: config.data.onBadImage };
    const began = performance.now();
    const finished = await runPasses(distillers, moment, {
      student: student.detector, teacher: teacher.detector, dataset: train, loader, folder, format: options.format, rng: this.#models.rng, logger, run: { seed: config.seed }, emit: this.#emit, signal: options.signal,
    });
    this.#log.skipTime(performance.now() - began);
    return finished;
  }

  /** One epoch from a batch on. False when the signal stopped it. */
  async #epoch(epoch: number, from: number): Promise<boolean> {
    const { config, options } = this.#run;
    const sum = new GradientSum(config.accumulate);
    try {
      for await (const batch of this.#loader.epoch(epoch, from)) {
        this.#microStep(batch, { ...this.#progress(epoch), micro: sum.count }, sum);
        if (!sum.complete) continue;
        const lr = config.optimizer.lr * learningRateFactor(config.schedule, this.#progress(epoch));
        this.#updater.apply(sum.mean(), lr);
        sum.reset();
        this.#step++;
        this.#log.endOfStep(lr);
        await this.#emit({ type: 'step', step: this.#step, epoch });
        if (this.#step % config.log.every === 0) await this.#flush(epoch);
        if (this.#step >= (epoch + 1) * this.#stepsPerEpoch) break;
        if (options.signal?.aborted === true || !(await this.#passes(epoch))) return false;
      }
    } finally {
      sum.reset();
    }
    if (this.#step < (epoch + 1) * this.#stepsPerEpoch) {
      throw new KdError('DATA_INVALID', `the loader of ${this.#run.train.name} promised ${this.#loader.steps} batches an epoch and gave fewer in epoch ${epoch}.`);
    }
    return true;
  }

  #microStep(batch: HostBatch, progress: StepProgress, sum: GradientSum): void {
    const onDevice = deviceBatch(batch);
    try {
      const result = computeStep(this.#models, onDevice.images, onDevice.targets, progress);
      this.#log.add(result, { step: this.#step + 1, ids: batch.ids });
      sum.add(result.gradients);
      for (const { variable, value } of result.updates) {
        variable.assign(value);
        value.dispose();
      }
    } finally {
      disposeAll(onDevice);
    }
  }

  /** Reads the losses of the steps since the last time, and tells them. @throws KdError NON_FINITE */
  async #flush(epoch: number): Promise<void> {
    const read = await this.#log.read(this.#run.config.batchSize * this.#run.config.accumulate);
    if (read === null) return;
    const secondsLeft = read.secondsPerStep * (this.#steps - this.#step);
    const memory = Math.round(process.memoryUsage().rss / 2 ** 20);
    const { secondsPerStep: _, ...figures } = read;
    await this.#emit({ type: 'log', step: this.#step, epoch, ...figures, secondsLeft, memory, tensors: tf.memory().numTensors });
  }

  async #evaluate(epoch: number): Promise<void> {
    const { val, student, metric, config } = this.#run;
    if (val === null) return;
    const began = performance.now();
    const { result } = await this.#updater.withAverage(async () => {
      const evaluated = await evaluate(student.detector, val, metric, {
        batchSize: config.evaluate.batchSize ?? config.batchSize, workers: config.data.workers, onBadImage: config.data.onBadImage,
        onProgress: (done, of) => this.#emit({ type: 'evaluating', done, of }),
      });
      const value = evaluated.result.metrics[metric.primary] ?? -1;
      if (this.#best === null || value > this.#best.value) {
        const checkpoint = await this.#checkpoints.saveBest(this.#step, await detectorTensors(student.detector), { ...specMetadata(student.spec), step: String(this.#step), metrics: JSON.stringify(evaluated.result.metrics) });
        this.#best = { value, epoch, step: this.#step, checkpoint, result: evaluated.result };
      }
      return evaluated;
    });
    this.#last = result;
    const seconds = (performance.now() - began) / 1000;
    this.#millisecondsEvaluating += seconds * 1000;
    this.#log.skipTime(seconds * 1000);
    await this.#emit({ type: 'evaluation', step: this.#step, epoch, result, seconds, best: this.#best?.step === this.#step });
  }

  #fixed(): FixedSettings {
    const { config, distillers } = this.#run;
    return { seed: config.seed, batchSize: config.batchSize, accumulate: config.accumulate, stepsPerEpoch: this.#stepsPerEpoch, optimizer: config.optimizer.name, distillers: distillers.map(({ id }) => id) };
  }

  async #checkpoint(): Promise<string> {
    const tensors: Map<string, HostTensor> = await trainingState(this.#run, this.#updater);
    const file = await this.#checkpoints.save(this.#step, tensors, {
      ...specMetadata(this.#run.student.spec),
      ...positionMetadata({ step: this.#step, milliseconds: this.#milliseconds(), millisecondsEvaluating: this.#millisecondsEvaluating, best: this.#best, last: this.#last }, this.#fixed()),
    });
    await this.#emit({ type: 'checkpoint', step: this.#step, file });
    return file;
  }

  async #stop(epoch: number): Promise<null> {
    await this.#flush(epoch);
    const file = await this.#checkpoint();
    await this.#emit({ type: 'stopped', step: this.#step, file });
    return null;
  }

  #milliseconds(): number {
    return this.#millisecondsBefore + performance.now() - this.#started;
  }

  async #end(): Promise<Summary> {
    const { config, options, student, teacher, distillers, engine, folder } = this.#run;
    const best = this.#best;
    const shown = best?.result ?? this.#last;
    const summary: Summary = {
      metrics: shown?.metrics ?? {},
      last: this.#last?.metrics ?? {},
      perClass: Object.fromEntries((shown?.perClass ?? []).map(({ category, metrics }) => [category.name, metrics])),
      best: best === null ? null : { epoch: best.epoch, step: best.step, checkpoint: best.checkpoint },
      seed: config.seed, epochs: config.epochs, steps: this.#step,
      minutes: this.#milliseconds() / 60_000, minutesEvaluating: this.#millisecondsEvaluating / 60_000,
      student: student.info, teacher: teacher?.info ?? null, distillers: distillers.map(({ id }) => id), engine,
      versions: versions(), command: options.command ?? '', skipped: this.#loader.stats.skipped,
    };
    await folder.writeJson('summary.json', summary);
    await this.#emit({ type: 'end', summary });
    return summary;
  }
}

/** The config as it ran: names and options instead of functions, every default filled in. */
function resolvedConfig({ config, student, teacher, distillers, metric, engine, train, val }: Run): Record<string, unknown> {
  return {
    ...config,
    engine: engine.name,
    student: [student.spec.name, student.spec.options],
    teacher: teacher === null ? undefined : { weights: teacher.info.weights, detector: [teacher.spec.name, teacher.spec.options] },
    distillers: distillers.map(({ id, name, options }) => (id === name ? [name, options] : [name, options, { as: id }])),
    data: { ...config.data, train: describe(config.data.train, train.name), val: config.data.val === undefined ? undefined : describe(config.data.val, val?.name ?? '') },
    evaluate: { ...config.evaluate, metric: metric.name },
  };
}

const describe = (source: Run['config']['data']['train'], name: string): unknown => ('spec' in source ? source.spec : 'open' in source ? { name } : source);
