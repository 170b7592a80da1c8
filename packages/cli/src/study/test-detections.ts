import { join } from 'node:path';
import { type Dataset, detectAll, fingerprintOfData, latestCheckpoint, messageOf } from '@kd/core';
import { countdown, readDetections, writeDetections } from '@kd/report';
import { findModel, openModel } from '../open-model.js';
import { ports } from '../ports.js';
import type { StudyRun } from './study-runs.js';

/** Named after the annotations: what was found in other data is not taken for it. */
export const testDetections = (dataset: Dataset): string => `detections-${fingerprintOfData(dataset)}.json`;

/**
 * What the last weights of each run find in other data, where it is not there yet.
 * @returns why it could not be found out, by the names of runs: one that lost its weights takes no other with it
 */
export async function detectOnTest(
  runs: readonly StudyRun[],
  { folder, dataset }: { readonly folder: string; readonly dataset: Dataset },
): Promise<ReadonlyMap<string, string>> {
  const failed = new Map<string, string>();
  for (const run of runs) {
    try {
      await detectOne(run, folder, dataset);
    } catch (error) {
      failed.set(run.name, messageOf(error));
    }
  }
  return failed;
}

async function detectOne({ name, config }: StudyRun, folder: string, dataset: Dataset): Promise<void> {
  const checkpoint = await latestCheckpoint(join(folder, name), ports.format);
  const file = join(folder, name, testDetections(dataset));
  const step = Number(/step-(\d+)/.exec(checkpoint ?? '')?.[1]);
  if (checkpoint === null || (await stepOf(file)) === step) return;
  const bar = countdown(`${name} on ${dataset.name}`);
  try {
    const { built, inference, close } = await openModel(await findModel(checkpoint), {
      categories: dataset.categories,
    });
    try {
      const { detections } = await detectAll(built.detector, dataset, {
        inference,
        batchSize: config.evaluate?.batchSize ?? config.batchSize ?? 8,
        workers: config.data.workers ?? 1,
        onBadImage: config.data.onBadImage ?? 'error',
        onProgress: bar.show,
      });
      await writeDetections(file, step, detections);
    } finally {
      close();
    }
  } finally {
    bar.end();
  }
}

const stepOf = (file: string): Promise<number | null> =>
  readDetections(file).then(
    ({ step }) => step,
    () => null,
  );
