import { join } from 'node:path';
import {
  type Dataset,
  detectAll,
  findCheckpoint,
  type ImageDetections,
  type ImageRecord,
  messageOf,
  readModel,
} from '@kd/core';
import type { ReadDataset } from '@kd/data';
import { type ClassOutcomes, outcomes } from '@kd/metrics';
import { countdown, DETECTIONS, readDetections } from '@kd/report';
import type { Cut, OrWhy, RunRecord } from '@kd/report/page';
import { findModel, openModel } from '../open-model.js';
import { dataFolder, readOrigin } from '../origin.js';
import { ports } from '../ports.js';
import { batchSizeOfRun, openData, validationData } from '../validation-data.js';

/** What a model found on the validation data of its run. */
export interface Validated {
  readonly run: RunRecord;
  /** Null where it was evaluated now. */
  readonly step: number | null;
  readonly dataset: ReadDataset;
  /** Those that could be read. */
  readonly images: readonly ImageRecord[];
  readonly classes: readonly ClassOutcomes[];
  readonly cut: Cut;
  /** What a reader must know of them. */
  readonly note: string | null;
}

/** Images that are looked at anew, at even distances: a page is no evaluation, and is wanted at once. */
const MOST = 200;

/** From the file that the newest evaluation left; where there is none, the model is evaluated, as `kd eval` does. */
export async function validated(run: RunRecord, { models }: { readonly models: boolean }): Promise<OrWhy<Validated>> {
  try {
    const { spec } = await readModel(await findCheckpoint(run.folder, ports.format), ports.format);
    const folder = dataFolder(await readOrigin(run.folder));
    const dataset = await openData(validationData({ config: run.config, folder }, run.name), spec?.categories ?? null);
    const { step, detections } = await readDetections(join(run.folder, DETECTIONS)).catch(async (cause: unknown) => {
      if (!models || (cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
      return { step: null, detections: await detected(await findModel(run.folder), atEvenDistances(dataset, MOST)) };
    });
    const seen = new Set(detections.map(({ id }) => id));
    const images = dataset.images.filter(({ id }) => seen.has(id));
    const classes = outcomes({ categories: dataset.categories, images }, detections);
    const note =
      step === null && dataset.images.length > MOST
        ? `The run kept no detections: ${MOST} of its ${dataset.images.length} validation images, at even distances, were looked at for this page; kd eval looks at all.`
        : null;
    return { value: { run, step, dataset, images, classes, cut: bestCut(classes), note } };
  } catch (error) {
    return { why: `What it finds on its validation data cannot be shown: ${messageOf(error)}` };
  }
}

/** So many images of a data set, or all where there are not more. */
export function atEvenDistances(dataset: Dataset, count: number): Dataset {
  const { images } = dataset;
  if (images.length <= count) return dataset;
  const places = Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * images.length) / count));
  return {
    name: dataset.name,
    categories: dataset.categories,
    images: places.map((place) => images[place]!),
    loader: (options) => dataset.loader({ ...options, indices: places }),
  };
}

async function detected(found: Awaited<ReturnType<typeof findModel>>, dataset: Dataset): Promise<ImageDetections[]> {
  const { built, inference, close } = await openModel(found, { categories: dataset.categories });
  const bar = countdown('evaluating');
  try {
    const { detections } = await detectAll(built.detector, dataset, {
      inference,
      batchSize: batchSizeOfRun(found) ?? 4,
      workers: 1,
      onBadImage: 'skip',
      onProgress: bar.show,
    });
    return detections;
  } finally {
    bar.end();
    close();
  }
}

/** Where nothing is right at any score: that of `kd predict`. */
const FALLBACK = 0.3;

/** The score from which on F1 over all classes is highest. */
export function bestCut(classes: readonly ClassOutcomes[]): Cut {
  const objects = classes.reduce((sum, one) => sum + one.objects.length, 0);
  const all = classes.flatMap(({ detections }) => detections).sort((a, b) => b.score - a.score);
  let hits = 0;
  let best = { f1: 0, cut: { score: FALLBACK, precision: 0, recall: 0 } };
  all.forEach(({ hit, score }, i) => {
    if (hit) hits++;
    // Those of equal score come together.
    if (all[i + 1]?.score === score) return;
    const f1 = (2 * hits) / (i + 1 + objects);
    if (f1 > best.f1) best = { f1, cut: { score, precision: hits / (i + 1), recall: hits / objects } };
  });
  return best.cut;
}
