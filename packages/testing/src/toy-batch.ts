import type { Detector, HostBatch } from '@kd/core';
import { toyData } from './toy-data.js';

/** One batch of toy images as a detector wants its input; two of the first four images have objects. */
export async function toyBatch(detector: Detector, images = 4): Promise<HostBatch> {
  const data = await toyData({ images }).open({ folder: '.' });
  const loader = data.loader({
    input: detector.input,
    batchSize: images,
    training: true,
    shuffle: false,
    dropLast: false,
    seed: 0,
    augment: [],
    workers: 0,
    onBadImage: 'error',
  });
  for await (const batch of loader.epoch(0)) return batch;
  throw new RangeError('a batch has at least one image');
}

/** The same images with room for `rows` objects and none in it. */
export function withoutObjects(batch: HostBatch, rows: number): HostBatch {
  const places = batch.shape[0] * rows;
  return {
    ...batch,
    maxBoxes: rows,
    boxes: new Float32Array(places * 4),
    labels: new Int32Array(places),
    mask: new Float32Array(places),
  };
}

export const toyCategories = [
  { id: 1, name: 'red' },
  { id: 2, name: 'blue' },
] as const;
