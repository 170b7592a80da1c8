import { basename } from '#host/paths';
import * as tf from '@tensorflow/tfjs-core';
import type { EarlyEnd, Summary, TrainerEvent } from '../contract/listener.js';
import type { Evaluation } from '../contract/metric.js';
import { Checkpoints, detectorTensors, latestCheckpoint, specMetadata } from './checkpoints.js';
import { namesOf } from '../class-names.js';
import { isKdError, messageOf } from '../errors.js';
import { afterEvaluation, outOfPatience, type Waited } from './early-end.js';
import { evaluate } from './evaluate.js';
import { HeldStep, type StepState } from './held-step.js';
import { createInference, type Inference } from './inference.js';
import { plannedRun } from '../plan/planned-run.js';
import { resolvedConfig } from './resolved-config.js';
import type { Run } from './run.js';
import { RunSteps } from './run-steps.js';
import { type RunSettings, runSettings } from './run-settings.js';
import { modelsOf, toldChanges, toldHalfUpdate, toldRescue, toldUnsaved } from './told-run.js';
import { namesMetadata, positionMetadata, resume, trainingState } from './training-state.js';
import { usedMemory } from '#host/memory';
import { versions } from '#host/versions';

interface Best {
  readonly value: number;
  readonly epoch: number;
  readonly step: number;
  readonly checkpoint: string;
  readonly result: Evaluation;
}

/** The loop: epochs, steps, logs, evaluations, checkpoints. One instance runs once. */
export class TrainingLoop {
  readonly #run: Run;
  readonly #emit: (event: TrainerEvent) => Promise<void>;
  readonly #steps: RunSteps;
  readonly #inference: Inference;
  readonly #checkpoints: Checkpoints;
  /** True from a resume to its first data set passes. */
  #resumed = false;
  #best: Best | null = null;
  #last: Evaluation | null = null;
  /** The step that `#last` is of. */
  #evaluated = -1;
  #waited: Waited | null = null;
  /** Set once the run is to end before its epochs. */
  #early: EarlyEnd | null = null;
  /** The last step's evaluation is due. */
  #toEvaluate = false;
  /** The newest checkpoint of this run. */
  #saved: { readonly step: number; readonly file: string } | null = null;
  /** Newer than any checkpoint. */
  readonly #held = new HeldStep();
  #millisecondsBefore = 0;
  #millisecondsEvaluating = 0;
  readonly #started = performance.now();
  #settings: RunSettings = { fixed: {}, told: {} };

  /** @param emit gives the name of a listener that wants the run to end */
  constructor(run: Run, emit: (event: TrainerEvent) => Promise<string | null>) {
    this.#run = run;
    this.#emit = async (event) => {
      const listener = await emit(event);
      if (listener !== null) this.#early ??= { by: `listener ${listener}`, why: `the listener "${listener}" ended it` };
    };
    this.#steps = new RunSteps(run);
    this.#inference = createInference(run.student.detector, run);
    this.#checkpoints = new Checkpoints(run.folder, run.options.format, run.config.checkpoint.keep);
  }

  async run(): Promise<Summary | null> {
    const { config, options } = this.#run;
    try {
      await this.#start();
      if (this.#toEvaluate) await this.#evaluateSaved(this.#epochDone);
      for (
        let epoch = Math.floor(this.#steps.done / this.#steps.stepsPerEpoch);
        epoch < config.epochs && !this.#endsEarly();
        epoch++
      ) {
        const whole = (await this.#passes(epoch)) && !this.#endsEarly() && (await this.#epoch(epoch));
        if (whole) await this.#endOfEpoch(epoch);
        if (this.#endsEarly()) break;
        if (!whole || (epoch + 1 < config.epochs && options.signal?.aborted === true)) return await this.#stop(epoch);
      }
      if (this.#endsEarly()) await this.#saveEarlyEnd();
      return await this.#end();
    } catch (error) {
      await this.#rescue(error);
      throw error;
    } finally {
      this.#inference.close();
      await this.#steps.close();
    }
  }

  /** The epoch of the last step done. */
  get #epochDone(): number {
    return Math.max(0, Math.ceil(this.#steps.done / this.#steps.stepsPerEpoch) - 1);
  }

  #endsEarly(): boolean {
    return this.#early !== null && this.#steps.done < this.#steps.total;
  }

  /** A checkpoint that knows of the end, and figures of its weights: the summary is of them. */
  async #saveEarlyEnd(): Promise<void> {
    const epoch = this.#epochDone;
    await this.#flush(epoch);
    this.#toEvaluate = this.#run.val !== null && this.#evaluated !== this.#steps.done;
    if (this.#saved?.step === this.#steps.done) await this.#checkpoints.annotate(this.#saved.file, this.#position());
    else await this.#checkpoint();
    if (this.#toEvaluate) await this.#evaluateSaved(epoch);
  }

  /** The checkpoint comes first: an evaluation that fails, or is killed, costs no steps. */
  async #endOfEpoch(epoch: number): Promise<void> {
    const { config, val } = this.#run;
    await this.#flush(epoch);
    const due = (every: number): boolean => epoch + 1 === config.epochs || (every > 0 && (epoch + 1) % every === 0);
    this.#toEvaluate = val !== null && due(config.evaluate.every);
    if (due(config.checkpoint.every)) await this.#checkpoint();
    if (this.#toEvaluate) await this.#evaluateSaved(epoch);
  }

  /** Evaluates, and adds the result to the checkpoint of the step, where there is one. */
  async #evaluateSaved(epoch: number): Promise<void> {
    await this.#evaluate(epoch);
    this.#toEvaluate = false;
    if (this.#saved?.step === this.#steps.done) await this.#checkpoints.annotate(this.#saved.file, this.#position());
  }

  /**
   * What failed was data, a plugin, a metric: the steps since the last checkpoint are kept. Not after a loss, a weight
   * or an average that is not finite, nor after half an update.
   */
  async #rescue(error: unknown): Promise<void> {
    const { done, at } = this.#steps;
    const { logger, distillers } = this.#run;
    if (isKdError(error) && error.code === 'NON_FINITE') return;
    if (at === 'in an update' && this.#held.state === null) return logger.warn(toldHalfUpdate(this.#saved, done + 1));
    try {
      if (done > (this.#saved?.step ?? 0)) await this.#saveDone();
    } catch (failed) {
      const why = messageOf(failed);
      return logger.warn(toldUnsaved(this.#saved, done, why === messageOf(error) ? '' : why));
    }
    if (this.#saved === null) return;
    const touched = at === 'in a step' ? distillers.filter(({ hooks }) => hooks.state !== undefined) : [];
    logger.warn(toldRescue(this.#saved, done, touched));
  }

  /** A checkpoint of all steps done, or of those that are on the host, where the device gives no more of its data. */
  async #saveDone(): Promise<void> {
    const held = this.#held.state;
    try {
      if (this.#steps.at === 'in an update') throw new Error('the weights are those of no step');
      await this.#flush(this.#epochDone);
      await this.#checkpoint();
    } catch (failed) {
      if (held === null) throw failed;
      await this.#save(held);
    }
  }

  async #start(): Promise<void> {
    const { config, options, folder, engine, train, val } = this.#run;
    this.#settings = await runSettings(this.#run, this.#steps);
    const latest = options.resume === true ? await latestCheckpoint(folder.path, options.format) : null;
    if (latest !== null) {
      const state = await resume(latest, options.format, this.#run, this.#steps.updater, this.#settings);
      if (state.changed.length > 0) this.#run.logger.info(`resumed with other settings: ${toldChanges(state.changed)}`);
      if (state.changed.some(({ key }) => key === 'engine.name'))
        this.#run.logger.info('on another engine the run goes on equal to the tolerance of floats, not bit for bit');
      this.#steps.done = state.step;
      if (state.lossScale !== undefined) this.#steps.lossScale?.restore(state.lossScale);
      this.#millisecondsBefore = state.milliseconds;
      this.#millisecondsEvaluating = state.millisecondsEvaluating;
      const measuredOtherwise = state.changed.some(({ key }) => /^(data\.val|evaluate\.metric)/.test(key));
      const best = measuredOtherwise ? null : (state.best as Best | null);
      // The folder may have been moved since.
      this.#best =
        best === null ? null : { ...best, checkpoint: folder.file('checkpoints', basename(best.checkpoint)) };
      this.#last = measuredOtherwise ? null : (state.last as Evaluation | null);
      this.#toEvaluate = state.toEvaluate === true && val !== null;
      this.#evaluated = measuredOtherwise ? -1 : (state.evaluated ?? -1);
      this.#waited = measuredOtherwise ? null : ((state.waited ?? null) as Waited | null);
      // Who gives a run other epochs wants it to go on.
      const otherEpochs = state.changed.some(({ key }) => key === 'epochs');
      const endedBefore = otherEpochs ? null : ((state.early ?? null) as EarlyEnd | null);
      this.#early = outOfPatience(this.#run.stop, this.#waited) ?? (endedBefore?.by === 'stop' ? null : endedBefore);
      this.#saved = { step: state.step, file: latest };
      this.#resumed = true;
      this.#tellWhatIsLeft();
    }
    await folder.writeJson('config.json', resolvedConfig(this.#run, this.#steps.loader));
    await folder.writeJson('plan.json', await plannedRun(this.#run, this.#steps));
    await this.#emit({
      type: 'start',
      run: {
        folder: folder.path,
        engine,
        seed: config.seed,
        epochs: config.epochs,
        stepsPerEpoch: this.#steps.stepsPerEpoch,
        steps: this.#steps.total,
        startStep: this.#steps.done,
        evaluatesAgain: this.#toEvaluate,
        batchSize: config.batchSize,
        images: { train: train.images.length, val: val?.images.length ?? 0 },
        classes: namesOf(train),
        ...modelsOf(this.#run),
        warnings: [],
      },
    });
  }

  /** A resume may ask for no more than the run has: it trains nothing, which must not look like a training. */
  #tellWhatIsLeft(): void {
    const { done, total, stepsPerEpoch } = this.#steps;
    const { config, logger } = this.#run;
    if (this.#endsEarly())
      logger.info(
        `the run has ended, after step ${done} of ${total}: ${this.#early!.why}. Nothing is left to train; ${this.#early!.by === 'stop' ? 'with a larger stop.patience, or without stop,' : 'with other epochs'} it goes on.`,
      );
    if (done < total) return;
    const has = `the run has done ${done} steps (${Number((done / stepsPerEpoch).toFixed(2))} epochs)`;
    if (done > total)
      logger.warn(
        `${has}, more than epochs: ${config.epochs} asks for: nothing is trained, and its weights are those of all its steps.`,
      );
    else logger.info(`${has}, all that epochs: ${config.epochs} asks for: nothing is left to train.`);
  }

  /** The data set passes that are due now. False when the signal stopped one. */
  async #passes(epoch: number): Promise<boolean> {
    const resumed = this.#resumed;
    this.#resumed = false;
    return this.#steps.passes(epoch, { resumed, emit: this.#emit });
  }

  /** What is left of one epoch. False when the signal stopped it. */
  async #epoch(epoch: number): Promise<boolean> {
    const { config, options } = this.#run;
    for await (const step of this.#steps.epoch(epoch)) {
      await this.#emit({ type: 'step', step, epoch });
      if (this.#run.mayBeLost) await this.#held.take(() => this.#state());
      if (step % config.log.every === 0) await this.#flush(epoch);
      const stops = this.#endsEarly() || options.signal?.aborted === true;
      const profile = await this.#steps.profiler.take(stops || step === this.#steps.total);
      if (profile !== null) await this.#emit({ type: 'profile', profile });
      if (step >= (epoch + 1) * this.#steps.stepsPerEpoch) break;
      if (stops || this.#endsEarly() || !(await this.#passes(epoch))) return false;
    }
    return true;
  }

  /** Reads the losses of the steps since the last time, and tells them. @throws KdError NON_FINITE */
  async #flush(epoch: number): Promise<void> {
    const read = await this.#steps.log.read(this.#steps.imagesPerStep);
    if (read === null) return;
    const secondsLeft = read.secondsPerStep * (this.#steps.total - this.#steps.done);
    const memory = Math.round(usedMemory() / 2 ** 20);
    const { secondsPerStep: _, ...figures } = read;
    await this.#emit({
      type: 'log',
      step: this.#steps.done,
      epoch,
      ...figures,
      ...this.#steps.compiledSince(),
      ...(this.#steps.lossScale && { lossScale: this.#steps.lossScale.value }),
      secondsLeft,
      memory,
      tensors: tf.memory().numTensors,
    });
  }

  async #evaluate(epoch: number): Promise<void> {
    const { val, student, metric, config, stop } = this.#run;
    if (val === null) return;
    const began = performance.now();
    const { result, detections } = await this.#steps.updater.withAverage(async () => {
      const evaluated = await evaluate(student.detector, val, metric, {
        inference: this.#inference,
        batchSize: config.evaluate.batchSize ?? config.batchSize,
        workers: config.data.workers,
        onBadImage: config.data.onBadImage,
        onProgress: (done, of) => this.#emit({ type: 'evaluating', done, of }),
      });
      const value = evaluated.result.metrics[metric.primary] ?? -1;
      if (this.#best === null || value > this.#best.value) {
        const checkpoint = await this.#checkpoints.saveBest(this.#steps.done, await detectorTensors(student.detector), {
          ...specMetadata(student.spec),
          step: String(this.#steps.done),
          metrics: JSON.stringify(evaluated.result.metrics),
        });
        this.#best = { value, epoch, step: this.#steps.done, checkpoint, result: evaluated.result };
      }
      return evaluated;
    });
    this.#last = result;
    this.#evaluated = this.#steps.done;
    if (stop !== null) {
      this.#waited = afterEvaluation(stop, this.#waited, { metric, metrics: result.metrics, step: this.#steps.done });
      this.#early ??= outOfPatience(stop, this.#waited);
    }
    const seconds = (performance.now() - began) / 1000;
    this.#millisecondsEvaluating += seconds * 1000;
    this.#steps.log.skipTime(seconds * 1000);
    await this.#emit({
      type: 'evaluation',
      step: this.#steps.done,
      epoch,
      result,
      detections,
      seconds,
      best: this.#best?.step === this.#steps.done,
    });
  }

  async #checkpoint(): Promise<string> {
    return this.#save(await this.#state());
  }

  /** What a resume needs, of the step at hand. */
  async #state(): Promise<StepState> {
    const tensors = await trainingState(
      { ...this.#run, distillers: this.#steps.leaks.between(this.#run.distillers) },
      this.#steps.updater,
    );
    const metadata = { ...specMetadata(this.#run.student.spec), ...namesMetadata(tensors), ...this.#position() };
    return { step: this.#steps.done, tensors, metadata };
  }

  async #save({ step, tensors, metadata }: StepState): Promise<string> {
    const file = await this.#checkpoints.save(step, tensors, metadata);
    this.#saved = { step, file };
    this.#held.drop();
    await this.#emit({ type: 'checkpoint', step, file });
    return file;
  }

  #position(): Record<string, string> {
    return positionMetadata(
      {
        step: this.#steps.done,
        milliseconds: this.#milliseconds(),
        millisecondsEvaluating: this.#millisecondsEvaluating,
        best: this.#best,
        last: this.#last,
        toEvaluate: this.#toEvaluate,
        evaluated: this.#evaluated,
        waited: this.#waited,
        early: this.#early,
        ...(this.#steps.lossScale && { lossScale: this.#steps.lossScale.state }),
      },
      this.#settings,
    );
  }

  async #stop(epoch: number): Promise<null> {
    await this.#flush(epoch);
    const file = await this.#checkpoint();
    await this.#emit({ type: 'stopped', step: this.#steps.done, file });
    return null;
  }

  #milliseconds(): number {
    return this.#millisecondsBefore + performance.now() - this.#started;
  }

  async #end(): Promise<Summary> {
    const { config, options, engine, folder } = this.#run;
    const best = this.#best;
    const shown = best?.result ?? this.#last;
    const summary: Summary = {
      metrics: shown?.metrics ?? {},
      last: this.#last?.metrics ?? {},
      perClass: Object.fromEntries((shown?.perClass ?? []).map(({ category, metrics }) => [category.name, metrics])),
      best: best === null ? null : { epoch: best.epoch, step: best.step, checkpoint: best.checkpoint },
      seed: config.seed,
      epochs: config.epochs,
      steps: this.#steps.done,
      ...(this.#endsEarly() && { early: this.#early! }),
      minutes: this.#milliseconds() / 60_000,
      minutesEvaluating: this.#millisecondsEvaluating / 60_000,
      ...modelsOf(this.#run),
      engine,
      versions: versions(),
      command: options.command ?? '',
      skipped: this.#steps.loader.stats.skipped,
      evaluation: { images: shown?.images ?? 0, skipped: shown?.skipped ?? [] },
    };
    await folder.writeJson('summary.json', summary);
    await this.#emit({ type: 'end', summary });
    return summary;
  }
}
