import {
  createRng,
  KdError,
  messageOf,
  type AugmentSpec,
  type ErrorCode,
  type HostBatch,
  type ImageRecord,
  type Rng,
  type InputSpec,
  type TeacherInput,
} from '@kd/core/plain';
import type { PixelSource } from '../pixel-source.js';
import { readPixels } from '../pixels.js';
import { createAugmentation, type Augmentation } from '../transform/augment.js';
import type { Size } from '../transform/buckets.js';
import { inputTransform, prepareImages, type BatchItem } from '../transform/input.js';

/** What every batch of a loader has in common, as plain data: a worker gets it once. */
export interface BatchSetup {
  readonly pixels: PixelSource;
  readonly input: InputSpec;
  readonly extraInputs?: readonly TeacherInput[];
  readonly augment: readonly AugmentSpec[];
  readonly training: boolean;
  readonly seed: number;
  readonly maxBoxes: number;
  /** Of `input`, then of each of `extraInputs`. */
  readonly buckets?: readonly (readonly Size[])[];
}

/** One batch to make. `index` is the image's place in the data set. */
export interface BatchJob {
  readonly epoch: number;
  readonly entries: readonly { readonly index: number; readonly record: ImageRecord }[];
}

/** A slot of the job whose image cannot be used. */
export interface BadSlot {
  readonly slot: number;
  readonly code: ErrorCode;
  readonly message: string;
}

/** The batch, or the slots to fill with other images before it can be made. */
export type BatchResult = { readonly batch: HostBatch } | { readonly bad: readonly BadSlot[] };

export type BatchMaker = (job: BatchJob) => Promise<BatchResult>;

/** Images that are being decoded while another is being augmented. */
const DECODE_AHEAD = 3;

/** Makes batches in this thread. What comes out depends on the setup and the job alone. */
export function createBatchMaker(setup: BatchSetup): BatchMaker {
  const augment = createAugmentation(setup.augment);
  return async ({ epoch, entries }) => {
    const items: (BatchItem | undefined)[] = Array.from({ length: entries.length });
    const bad: BadSlot[] = [];
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < entries.length) {
        const slot = next++;
        const { index, record } = entries[slot]!;
        try {
          items[slot] = await makeItem(setup, augment, epoch, index, record);
        } catch (thrown) {
          if (!(thrown instanceof KdError)) throw new Error(`${record.file}: ${messageOf(thrown)}`, { cause: thrown });
          bad.push({ slot, code: thrown.code, message: thrown.message });
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(DECODE_AHEAD, entries.length) }, lane));
    if (bad.length > 0) return { bad: bad.sort((a, b) => a.slot - b.slot) };
    const batch = inputTransform(items as BatchItem[], setup.input, setup.maxBoxes, setup.buckets?.[0]);
    if (setup.extraInputs === undefined) return { batch };
    const extra = setup.extraInputs.map((input, i) =>
      prepareImages(items as BatchItem[], input, ({ extraMinSizes }) => extraMinSizes?.[i], setup.buckets?.[i + 1]),
    );
    return { batch: { ...batch, extra } };
  };
}

async function makeItem(
  { pixels, input, extraInputs = [], training, seed }: BatchSetup,
  augment: Augmentation,
  epoch: number,
  index: number,
  record: ImageRecord,
): Promise<BatchItem> {
  const image = await readPixels(pixels, record);
  const targets = record.annotations.filter(({ ignore }) => !ignore);
  const sample = { image, boxes: targets.map(({ box }) => box), labels: targets.map(({ label }) => label) };
  const rest = { id: record.id, originalSize: [image.height, image.width] as const };
  if (!training) return { ...sample, ...rest };
  const rng = createRng(seed, 'sample', epoch, index);
  return {
    ...augment(sample, rng),
    ...rest,
    minSize: drawnSize(input, rng),
    extraMinSizes: extraInputs.map((extra) => drawnSize(extra, rng)),
  };
}

/** Rules with one list of sizes draw the same of it. */
const drawnSize = ({ minSize }: InputSpec, rng: Rng): number => minSize[rng.stream('size').int(0, minSize.length - 1)]!;
