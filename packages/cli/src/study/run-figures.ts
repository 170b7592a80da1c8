import { join } from 'node:path';
import {
  type Dataset,
  type GroundTruth,
  type ImageDetections,
  messageOf,
  type Metric,
  type MetricResult,
  type Summary,
} from '@kd/core';
import { median, readDetections } from '@kd/report';
import { readRun, type RunRecord } from '@kd/report/page';
import type { Outcome } from './queue.js';
import { shownReason } from './shown-reason.js';
import { draws, type Resampled, resampled } from './statistics.js';
import type { StudyRun } from './study-runs.js';

/** A run of a study as it stands in the table. */
export interface RunFigures {
  readonly run: StudyRun;
  /** Why there is nothing to tell of it. */
  readonly missing: string | null;
  /** What its folder tells, where it has come to its end. */
  readonly record: RunRecord | null;
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
  /** Why that is not there, by the names of runs. */
  readonly undetected?: ReadonlyMap<string, string>;
  readonly metric: Metric;
}

/** Reads what the runs of a study left, and computes figures and resamplings of their last weights. */
export async function runFigures(
  runs: readonly StudyRun[],
  outcomes: ReadonlyMap<string, Outcome>,
  { folder, dataset, file, undetected, metric }: FiguresOf,
): Promise<{ readonly figures: readonly RunFigures[]; readonly images: number }> {
  const read = await Promise.all(
    runs.map(async (run) => {
      const own = { file, dataset, outcome: outcomes.get(run.name), undetected: undetected?.get(run.name) };
      const found = await left(join(folder, run.name), own);
      return { run, ...found, missing: found.missing && shownReason(found.missing, ['.', folder, run.from.folder]) };
    }),
  );
  // Those that some run could not read count in none.
  const seen = read.flatMap(({ files, run }) =>
    files === null || run.variant === null ? [] : [new Set(files.detections.map(({ id }) => id))],
  );
  const images = dataset.images.filter(({ id }) => seen.every((ids) => ids.has(id)));
  const truth: GroundTruth = { categories: dataset.categories, images };
  const known = new Set(images.map(({ id }) => id));
  const drawn = draws(images.length);
  const figures = read.map(({ run, missing, record, files }): RunFigures => {
    if (files === null) return { run, missing, record, done: null };
    const detections = files.detections.filter(({ id }) => known.has(id));
    return {
      run,
      missing,
      record,
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

interface Left {
  readonly missing: string | null;
  readonly record: RunRecord | null;
  readonly files: {
    readonly summary: Summary;
    readonly detections: ImageDetections[];
    readonly secondsPerStep: number | null;
  } | null;
}

interface LeftOf extends Pick<FiguresOf, 'file' | 'dataset'> {
  readonly outcome: Outcome | undefined;
  readonly undetected: string | undefined;
}

async function left(run: string, { file, dataset, outcome, undetected }: LeftOf): Promise<Left> {
  if (outcome?.state !== 'done')
    return {
      missing: outcome?.state === 'failed' ? outcome.why : 'not trained yet',
      record: null,
      files: null,
    };
  let record: RunRecord | null = null;
  try {
    record = await readRun(run);
    const { summary } = record;
    if (summary === null) throw new Error('there is no summary.json');
    if (undetected !== undefined) throw new Error(undetected);
    const { step, detections } = await readDetections(join(run, file)).catch((cause: unknown) => {
      throw new Error(`${file}: ${messageOf(cause)}`, { cause });
    });
    if (step !== summary.steps) throw new Error(`${file} is of step ${step}, the run ended at ${summary.steps}`);
    checkFits(dataset, detections, file);
    return { missing: null, record, files: { summary, detections, secondsPerStep: secondsPerStep(record) } };
  } catch (error) {
    return {
      missing: `what it left cannot be read: ${messageOf(error)}; restore it, or remove its folder and it is trained anew`,
      record,
      files: null,
    };
  }
}

function checkFits({ images, categories }: Dataset, detections: readonly ImageDetections[], file: string): void {
  const ids = new Set(images.map(({ id }) => id));
  if (!detections.some(({ id }) => ids.has(id))) throw new Error(`${file} holds none of the ${images.length} images`);
  const label = detections.flatMap(({ labels }) => [...labels]).find((one) => one >= categories.length);
  if (label !== undefined) throw new Error(`${file} has a label ${label}, and there are ${categories.length} classes`);
}

/** The median over the log, which neither the first step nor another program of the machine moves much. */
function secondsPerStep({ config, logs }: RunRecord): number | null {
  const { batchSize, accumulate = 1 } = config as { batchSize?: number; accumulate?: number };
  if (typeof batchSize !== 'number') return null;
  return median(logs.map(({ imagesPerSecond }) => (batchSize * accumulate) / imagesPerSecond)) ?? null;
}
