import { join } from 'node:path';
import { type Dataset, detectAll, fingerprintOfData, latestCheckpoint } from '@kd/core';
import { countdown, readDetections, writeDetections } from '@kd/report';
import { findModel, openModel } from '../open-model.js';
import { ports } from '../ports.js';
import type { StudyRun } from './study-runs.js';

/** Named after the annotations: what was found in other data is not taken for it. */
export const testDetections = (dataset: Dataset): string => `detections-${fingerprintOfData(dataset)}.json`;

/** What the last weights of each run find in other data, where it is not there yet. */
export async function detectOnTest(
  runs: readonly StudyRun[],
  { folder, dataset }: { readonly folder: string; readonly dataset: Dataset },
): Promise<void> {
  for (const { name, config } of runs) {
    const checkpoint = await latestCheckpoint(join(folder, name), ports.format);
    const file = join(folder, name, testDetections(dataset));
    const step = Number(/step-(\d+)/.exec(checkpoint ?? '')?.[1]);
    if (checkpoint === null || (await stepOf(file)) === step) continue;
    const bar = countdown(`${name} on ${dataset.name}`);
    const { built } = await openModel(await findModel(checkpoint), { categories: dataset.categories });
    try {
      const { detections } = await detectAll(built.detector, dataset, {
        batchSize: config.evaluate?.batchSize ?? config.batchSize ?? 8,
        workers: config.data.workers ?? 1,
        onBadImage: config.data.onBadImage ?? 'error',
        onProgress: bar.show,
      });
      await writeDetections(file, step, detections);
    } finally {
      bar.end();
      built.detector.dispose();
    }
  }
}

const stepOf = (file: string): Promise<number | null> =>
  readDetections(file).then(
    ({ step }) => step,
    () => null,
  );
