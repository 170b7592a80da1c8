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
  let buckets = gathered(
    sizes.map((size) => ({ size, batches: 1, least: size })),
    input.sizeDivisible,
  );
  for (let grid = 2 * input.sizeDivisible; buckets.length > Math.max(most, COMPARED); grid *= 2)
    buckets = gathered(buckets, grid);
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

const larger = (a: Size, b: Size): Size => [Math.max(a[0], b[0]), Math.max(a[1], b[1])];
const smaller = (a: Size, b: Size): Size => [Math.min(a[0], b[0]), Math.min(a[1], b[1])];

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
  return Array.from({ length: DRAWN }, () => Array.from({ length: batchSize }, drawn).reduce(larger));
}

/** Those that round up to one size become one. */
function gathered(finer: readonly Bucket[], multiple: number): Bucket[] {
  const buckets = new Map<string, Bucket>();
  for (const one of finer) {
    const size = roundedUp(one.size, multiple);
    const key = size.join();
    const found = buckets.get(key);
    buckets.set(key, found === undefined ? { ...one, size } : united(size, found, one));
  }
  return [...buckets.values()];
}

const united = (size: Size, a: Bucket, b: Bucket): Bucket => ({
  size,
  batches: a.batches + b.batches,
  least: smaller(a.least, b.least),
});

/** The same with two merged, or null where no two may be. */
function cheapestMerge(buckets: readonly Bucket[]): Bucket[] | null {
  let best: { readonly cost: number; readonly pair: readonly [Bucket, Bucket]; readonly merged: Bucket } | null = null;
  buckets.forEach((a, i) => {
    for (const b of buckets.slice(i + 1)) {
      const size = larger(a.size, b.size);
      const merged = united(size, a, b);
      if (size.some((side, axis) => side > MOST_GROWTH * merged.least[axis]!)) continue;
      const cost = a.batches * (area(size) - area(a.size)) + b.batches * (area(size) - area(b.size));
      if (best === null || cost < best.cost) best = { cost, pair: [a, b], merged };
    }
  });
  if (best === null) return null;
  const { pair, merged } = best as { readonly pair: readonly Bucket[]; readonly merged: Bucket };
  return [...buckets.filter((one) => !pair.includes(one)), merged];
}
