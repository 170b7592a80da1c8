import type { Dataset, HostBatch, LoaderOptions, LoaderStats } from '../contract/data.js';
import { KdError } from '../errors.js';
import { openLoader } from '../open-loader.js';

/**
 * Images of a data set in the order of `indices`, as in evaluation; checks that these are the images that come.
 * @param onEnd told at the end which could not be read
 */
export async function* imageBatches(
  dataset: Dataset,
  options: Pick<LoaderOptions, 'input' | 'extraInputs' | 'batchSize' | 'workers' | 'onBadImage' | 'buckets'>,
  indices: readonly number[] | undefined,
  signal?: AbortSignal,
  onEnd: (skipped: LoaderStats['skipped']) => void = () => {},
): AsyncGenerator<HostBatch, void, undefined> {
  const wrong = indices?.find((index) => !Number.isInteger(index) || index < 0 || index >= dataset.images.length);
  if (wrong !== undefined)
    throw new KdError(
      'USAGE',
      `batches: ${wrong} is no place in the ${dataset.images.length} images of ${dataset.name}.`,
    );
  const wanted = indices ?? dataset.images.map((_, index) => index);
  if (wanted.length === 0) return;
  signal?.throwIfAborted();
  const loader = openLoader(dataset, {
    ...options,
    training: false,
    shuffle: false,
    dropLast: false,
    seed: 0,
    augment: [],
    ...(indices && { indices }),
  });
  let next = 0;
  try {
    for await (const batch of loader.epoch(0)) {
      signal?.throwIfAborted();
      for (const id of batch.ids) {
        while (next < wanted.length && dataset.images[wanted[next]!]!.id !== id) next++;
        if (next++ >= wanted.length)
          throw new KdError(
            'DATA_INVALID',
            `the loader of ${dataset.name} gave the image ${id} where it was not asked for; a data set must follow \`indices\` of its loader's options.`,
          );
      }
      yield batch;
    }
  } finally {
    onEnd(loader.stats.skipped);
    await loader.close();
  }
}
