import { createRng, type ImageRecord, type InputSpec } from '@kd/core/plain';
import { resizedSize } from './resize.js';

export type Size = readonly [height: number, width: number];

/**
 * A side grows by less than the square root of 2: torchvision's RoIAlign tells strides from the sides of images and of
 * padded maps, to the next power of two.
 */
const MOST_GROWTH = 1.4;

/** Batches that are drawn to see what sizes they come in. */
const DRAWN = 2000;

/** Sizes that are compared with each other; more are rounded up first. */
const COMPARED = 200;

interface Bucket {
  readonly size: Size;
  readonly batches: number;
  /** The least height and width of a batch in it. */
  readonly least: Size;
}

/**
 * The sizes that batches of a training are padded to: all that occur, or as few as `most`, those merged that cost the
 * fewest pixels. There are more where images differ so much that a side would grow by 1.4 times.
 */
export function chooseBuckets(
  images: readonly Pick<ImageRecord, 'width' | 'height'>[],
  input: InputSpec,
  { batchSize, most }: { readonly batchSize: number; readonly most: number },
): Size[] {
  if (input.fixedSize !== null || images.length === 0) return [];
  const sizes = batchSizes(images, input, batchSize);
  let buckets = gathered(sizes, input.sizeDivisible);
  for (let grid = 2 * input.sizeDivisible; buckets.length > Math.max(most, COMPARED); grid *= 2)
    buckets = gathered(sizes, grid);
  while (buckets.length > most) {
    const merged = cheapestMerge(buckets);
    if (merged === null) break;
    buckets = merged;
  }
  return buckets.map(({ size }) => size).sort((a, b) => area(a) - area(b));
}

/**
 * What a batch is padded to whose images are at most this high and wide: the smallest bucket that holds it, else the
 * next multiple.
 * @param buckets smallest first
 */
export function padTo(size: Size, multiple: number, buckets: readonly Size[]): Size {
  const fits = (bucket: Size): boolean =>
    bucket.every((side, axis) => side >= size[axis]! && side <= MOST_GROWTH * size[axis]!);
  return buckets.find(fits) ?? roundedUp(size, multiple);
}

const roundedUp = ([height, width]: Size, multiple: number): Size => [
  Math.ceil(height / multiple) * multiple,
  Math.ceil(width / multiple) * multiple,
];

const area = ([height, width]: Size): number => height * width;

const largest = (sizes: readonly Size[]): Size => [
  Math.max(...sizes.map(([height]) => height)),
  Math.max(...sizes.map(([, width]) => width)),
];

/** Of drawn batches, before they are padded. Where every batch is one image, of all images. */
function batchSizes(
  images: readonly Pick<ImageRecord, 'width' | 'height'>[],
  { minSize, maxSize, resize }: InputSpec,
  batchSize: number,
): Size[] {
  const resized = ({ height, width }: (typeof images)[number], side: number): Size =>
    resizedSize(height, width, side, maxSize, resize);
  if (batchSize === 1) return images.flatMap((image) => minSize.map((side) => resized(image, side)));
  const rng = createRng(0, 'padded sizes');
  const drawn = (): Size => resized(images[rng.int(0, images.length - 1)]!, minSize[rng.int(0, minSize.length - 1)]!);
  return Array.from({ length: DRAWN }, () => largest(Array.from({ length: batchSize }, drawn)));
}

function gathered(sizes: readonly Size[], multiple: number): Bucket[] {
  const buckets = new Map<string, Bucket>();
  for (const one of sizes) {
    const size = roundedUp(one, multiple);
    const { batches = 0, least = size } = buckets.get(size.join()) ?? {};
    const [height, width] = least;
    buckets.set(size.join(), {
      size,
      batches: batches + 1,
      least: [Math.min(height, one[0]), Math.min(width, one[1])],
    });
  }
  return [...buckets.values()];
}

/** The same with two merged, or null where no two may be. */
function cheapestMerge(buckets: readonly Bucket[]): Bucket[] | null {
  let best: { readonly cost: number; readonly pair: readonly [Bucket, Bucket]; readonly merged: Bucket } | null = null;
  buckets.forEach((a, i) => {
    for (const b of buckets.slice(i + 1)) {
      const size = largest([a.size, b.size]);
      const least: Size = [Math.min(a.least[0], b.least[0]), Math.min(a.least[1], b.least[1])];
      if (size.some((side, axis) => side > MOST_GROWTH * least[axis]!)) continue;
      const cost = a.batches * (area(size) - area(a.size)) + b.batches * (area(size) - area(b.size));
      if (best === null || cost < best.cost)
        best = { cost, pair: [a, b], merged: { size, batches: a.batches + b.batches, least } };
    }
  });
  if (best === null) return null;
  const { pair, merged } = best as { readonly pair: readonly Bucket[]; readonly merged: Bucket };
  return [...buckets.filter((one) => !pair.includes(one)), merged];
}
