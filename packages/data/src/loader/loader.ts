import { KdError, type HostBatch, type ImageRecord, type Loader, type LoaderOptions } from '@kd/core/plain';
import type { PixelSource } from '../pixel-source.js';
import { chooseBuckets } from '../transform/buckets.js';
import { resolveAugmentations } from '../transform/augment.js';
import type { BadSlot } from './batch-job.js';
import { checkLoaderOptions } from './loader-options.js';
import { epochOrder, imageForSlot } from './order.js';
import { createPool } from './pool.js';
import { wrongFolder } from './wrong-folder.js';

export interface LoaderImages {
  readonly name: string;
  readonly images: readonly ImageRecord[];
  readonly pixels: PixelSource;
}

/**
 * A batch on its way, with the images that were left out for it; `batch` is null where no image of it could be used.
 */
interface Made {
  readonly batch: HostBatch | null;
  readonly skipped: readonly { readonly file: string; readonly why: string }[];
}

/**
 * Batches made ahead of the consumer. The content of a batch depends on the seed, the epoch, its number and the data
 * set alone.
 *
 * A bad image under `onBadImage: 'skip'` is replaced in training by the next usable image of the order, so that all
 * batches have the same size; in evaluation it is left out, so that no image is counted twice.
 * @throws KdError CONFIG_INVALID for options that make no batch, DATA_INVALID for a data set without images
 */
export function createLoader({ name, images, pixels }: LoaderImages, options: LoaderOptions): Loader {
  const { batchSize, training, shuffle, dropLast, seed, workers, onBadImage } = options;
  checkLoaderOptions(options);
  const augment = resolveAugmentations(options.augment); // tells a misspelt name here and not in a worker
  const chosen = options.indices ?? images.map((_, index) => index);
  const count = chosen.length;
  const steps = dropLast ? Math.floor(count / batchSize) : Math.ceil(count / batchSize);
  if (count === 0)
    throw new KdError(
      'DATA_INVALID',
      options.indices === undefined
        ? `The data set ${name} has no images.`
        : `No image of ${name} was asked for: \`indices\` is empty.`,
    );
  const outside = chosen.find((index) => images[index] === undefined);
  if (outside !== undefined)
    throw new KdError(
      'USAGE',
      `\`indices\` asks for the image ${outside} of the ${images.length} of ${name}; the first is 0.`,
    );
  if (steps === 0)
    throw new KdError(
      'CONFIG_INVALID',
      `The data set ${name} has ${count} images, fewer than one batch of ${batchSize}, and training takes whole batches; lower batchSize to ${count} at most.`,
    );

  const maxBoxes = images.reduce(
    (most, { annotations }) => Math.max(most, annotations.filter(({ ignore }) => !ignore).length),
    1,
  );
  const { input, extraInputs } = options;
  const most = options.buckets;
  const buckets =
    most === undefined
      ? undefined
      : [input, ...(extraInputs ?? [])].map((one) => chooseBuckets(images, one, { batchSize, most }));
  const pool = createPool(
    {
      pixels,
      input,
      ...(extraInputs && { extraInputs }),
      augment,
      training,
      seed,
      maxBoxes,
      ...(buckets && { buckets }),
    },
    workers,
  );
  const distinct = new Set(chosen).size;
  const bad = new Map<number, BadSlot>();
  const skipped = new Map<string, { file: string; why: string; times: number }>();
  const orders = new Map<number, readonly number[]>();
  let ahead = new Map<string, Promise<Made>>();
  let waitedMs = 0;

  const orderOf = (epoch: number): readonly number[] => {
    if (!orders.has(epoch)) {
      if (orders.size > 2) orders.clear();
      orders.set(
        epoch,
        epochOrder(count, shuffle, seed, epoch).map((place) => chosen[place]!),
      );
    }
    return orders.get(epoch)!;
  };

  const make = async (epoch: number, step: number): Promise<Made> => {
    const order = orderOf(epoch);
    const slots = Array.from({ length: Math.min(batchSize, count - step * batchSize) }, (_, i) => step * batchSize + i);
    for (;;) {
      const taken = slots.map((slot) =>
        training ? imageForSlot(order, slot, batchSize, (index) => bad.has(index)) : order[slot]!,
      );
      const out = slots
        .map((slot) => order[slot]!)
        .filter((index) => bad.has(index))
        .map((index) => ({ file: images[index]!.file, why: bad.get(index)!.message }));
      if (bad.size >= distinct && (training || options.indices === undefined))
        throw new KdError(
          'IMAGE_INVALID',
          `None of the ${count} images of ${name} can be used. The first: ${bad.get(chosen[0]!)!.message}${await wrongFolder(pixels, images)}`,
        );
      const entries = taken
        .filter((index) => index !== null && !bad.has(index))
        .map((index) => ({ index: index!, record: images[index!]! }));
      if (entries.length === 0) return { batch: null, skipped: out };
      const result = await pool.make({ epoch, entries });
      if ('batch' in result) return { batch: result.batch, skipped: out };
      const first = result.bad[0]!;
      if (onBadImage === 'error')
        throw new KdError(
          first.code,
          `${first.message}${(await wrongFolder(pixels, images)) || " (Set onBadImage: 'skip' to go on without it; kd eval knows --skip-bad.)"}`,
        );
      for (const slot of result.bad) bad.set(entries[slot.slot]!.index, slot);
    }
  };

  async function* epoch(index: number, start = 0): AsyncGenerator<HostBatch, void, undefined> {
    const depth = workers + 1; // the one that is waited for, and one more for every worker
    const queue: { readonly key: string; readonly made: Promise<Made> }[] = [];
    let [nextEpoch, nextStep] = [index, start];
    const fill = (): void => {
      while (queue.length < depth) {
        if (nextStep >= steps) [nextEpoch, nextStep] = [nextEpoch + 1, 0];
        // the next epoch of a training comes for certain, another evaluation may not
        if (nextEpoch > index && (!training || workers === 0)) return;
        const key = `${nextEpoch}:${nextStep}`;
        const made = ahead.get(key) ?? make(nextEpoch, nextStep);
        made.catch(() => {}); // told to whoever waits for it; nobody may
        queue.push({ key, made });
        nextStep++;
      }
    };
    for (let step = start; step < steps; step++) {
      fill();
      ahead = new Map();
      const { batch, skipped: out } = await waitFor(queue.shift()!.made);
      for (const { file, why } of out) skipped.set(file, { file, why, times: (skipped.get(file)?.times ?? 0) + 1 });
      if (workers > 0) fill();
      if (step === steps - 1) ahead = new Map(queue.map(({ key, made }) => [key, made]));
      if (batch !== null) yield batch;
    }
  }

  const waitFor = async <T>(promise: Promise<T>): Promise<T> => {
    const since = performance.now();
    pool.hold();
    try {
      return await promise;
    } finally {
      pool.release();
      waitedMs += performance.now() - since;
    }
  };

  return {
    steps,
    epoch,
    augment,
    ...(buckets && { paddedSizes: buckets[0]! }),
    get stats() {
      return { waitedMs, skipped: [...skipped.values()] };
    },
    close: () => pool.close(),
  };
}
