import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Dataset, type GroundTruth, type Metric, type MetricResult, messageOf, type Summary } from '@kd/core';
import { median, readDetections } from '@kd/report';
import { readRun } from '@kd/report/page';
import type { Outcome } from './queue.js';
import { draws, type Resampled, resampled } from './statistics.js';
import type { StudyRun } from './study-runs.js';

/** A run of a study as it stands in the table. */
export interface RunFigures {
  readonly run: StudyRun;
  /** Why there is nothing to tell of it. */
  readonly missing: string | null;
  readonly done: {
    readonly summary: Summary;
    readonly result: MetricResult;
    readonly resampled: Resampled;
    /** Of a training step; evaluations and passes come on top. */
    readonly secondsPerStep: number | null;
  } | null;
}

export interface FiguresOf {
  /** Of the study. */
  readonly folder: string;
  readonly dataset: Dataset;
  /** What was found in it, in the folder of each run. */
  readonly file: string;
  readonly metric: Metric;
}

/** Reads what the runs of a study left, and computes figures and resamplings of their last weights. */
export async function runFigures(
  runs: readonly StudyRun[],
  outcomes: ReadonlyMap<string, Outcome>,
  { folder, dataset, file, metric }: FiguresOf,
): Promise<{ readonly figures: readonly RunFigures[]; readonly images: number }> {
  const read = await Promise.all(
    runs.map(async (run) => ({ run, ...(await left(join(folder, run.name), file, outcomes.get(run.name))) })),
  );
  // Those that some run could not read count in none.
  const seen = read.flatMap(({ files, run }) =>
    files === null || run.variant === null ? [] : [new Set(files.detections.map(({ id }) => id))],
  );
  const images = dataset.images.filter(({ id }) => seen.every((ids) => ids.has(id)));
  const truth: GroundTruth = { categories: dataset.categories, images };
  const known = new Set(images.map(({ id }) => id));
  const drawn = draws(images.length);
  const figures = read.map(({ run, missing, files }): RunFigures => {
    if (files === null) return { run, missing, done: null };
    const detections = files.detections.filter(({ id }) => known.has(id));
    return {
      run,
      missing,
      done: {
        summary: files.summary,
        result: metric.evaluate(truth, detections),
        resampled: resampled(metric, truth, detections, drawn),
        secondsPerStep: files.secondsPerStep,
      },
    };
  });
  return { figures, images: images.length };
}

async function left(run: string, file: string, outcome: Outcome | undefined) {
  if (outcome?.state !== 'done')
    return { missing: outcome?.state === 'failed' ? outcome.why : 'not trained yet', files: null };
  try {
    const summary = JSON.parse(await readFile(join(run, 'summary.json'), 'utf8')) as Summary;
    const { step, detections } = await readDetections(join(run, file)).catch((cause: unknown) => {
      throw new Error(`${file}: ${messageOf(cause)}`, { cause });
    });
    if (step !== summary.steps) throw new Error(`${file} is of step ${step}, the run ended at ${summary.steps}`);
    return { missing: null, files: { summary, detections, secondsPerStep: await secondsPerStep(run, summary) } };
  } catch (error) {
    return {
      missing: `what it left cannot be read: ${messageOf(error)}; restore it, or remove its folder and it is trained anew`,
      files: null,
    };
  }
}

/** The median over the log, which neither the first step nor another program of the machine moves much. */
async function secondsPerStep(run: string, { steps, epochs }: Summary): Promise<number | null> {
  if (steps === 0 || epochs === 0) return null;
  const { config, logs } = await readRun(run);
  const { batchSize, accumulate = 1 } = config as { batchSize?: number; accumulate?: number };
  if (typeof batchSize !== 'number') return null;
  return median(logs.map(({ imagesPerSecond }) => (batchSize * accumulate) / imagesPerSecond)) ?? null;
}
