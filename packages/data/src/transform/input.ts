import { KdError, type HostBatch, type InputSpec, type PreparedImages, type TeacherInput } from '@kd/core/plain';
import type { HostImage } from '../decode/image.js';
import { checkInputSpec } from '../input-spec.js';
import type { Box } from '../read/box-rule.js';
import { padTo, type Size } from './buckets.js';
import { resizedSize, resizeInto } from './resize.js';

/** An image that becomes one row of a batch. */
export interface BatchItem {
  readonly image: HostImage;
  /** In pixels of `image`. */
  readonly boxes?: readonly Box[];
  readonly labels?: readonly number[];
  readonly id?: number | string;
  /** [height, width] as decoded, where `image` was cropped since. */
  readonly originalSize?: readonly [number, number];
  /** Whether the augmentation `flip` mirrored it, where there is one. */
  readonly flipped?: boolean;
  /** Short side after resizing; default: the last of the input's. */
  readonly minSize?: number;
  /** Short sides by the further rules that the images are prepared by. */
  readonly extraMinSizes?: readonly (number | undefined)[];
}

/**
 * Normalises, resizes and pads images to one batch, as torchvision's GeneralizedRCNNTransform does: images padded with
 * 0 at
 * the right and the bottom to the largest height and width, rounded up to `sizeDivisible`; boxes scaled by the quotient
 * of the sizes.
 * @param maxBoxes rows of ground truth per image; default: the most that an image has, at least 1
 * @param buckets sizes that are padded to where they are not much larger, smallest first; see {@link chooseBuckets}
 */
export function inputTransform(
  items: readonly BatchItem[],
  input: InputSpec,
  maxBoxes?: number,
  buckets?: readonly Size[],
): HostBatch {
  const { data: images, shape, imageSizes: sizes } = prepareImages(items, input, undefined, buckets);
  const b = items.length;
  const g = maxBoxes ?? Math.max(1, ...items.map(({ boxes }) => boxes?.length ?? 0));
  const boxes = new Float32Array(b * g * 4); // [b, g, 4]
  const labels = new Int32Array(b * g); // [b, g]
  const mask = new Float32Array(b * g); // [b, g]
  items.forEach((item, i) => {
    const { image } = item;
    const [height, width] = sizes[i]!;
    const [ratioX, ratioY] = [Math.fround(width / image.width), Math.fround(height / image.height)];
    const own = item.boxes ?? [];
    if (own.length > g)
      throw new KdError('USAGE', `An image has ${own.length} boxes, more than the ${g} rows of the batch.`);
    own.forEach(([x1, y1, x2, y2], j) => {
      boxes.set([x1 * ratioX, y1 * ratioY, x2 * ratioX, y2 * ratioY], (i * g + j) * 4);
      labels[i * g + j] = item.labels?.[j] ?? 0;
      mask[i * g + j] = 1;
    });
  });
  return {
    images,
    shape: [b, shape[1], shape[2], 3],
    boxes,
    labels,
    mask,
    maxBoxes: g,
    imageSizes: sizes,
    originalSizes: items.map(({ image, originalSize }) => originalSize ?? [image.height, image.width]),
    ids: items.map(({ id }, i) => id ?? i),
    ...(items[0]!.flipped !== undefined && { flipped: items.map(({ flipped = false }) => flipped) }),
  };
}

/**
 * The images of a batch by one rule, which says the order of their axes too.
 * @param minSizeOf short side of an item after resizing; undefined: the last of the input's
 * @param buckets as of {@link inputTransform}
 * @param spare memory to take for them where it is large enough
 */
export function prepareImages(
  items: readonly BatchItem[],
  input: TeacherInput,
  minSizeOf: (item: BatchItem) => number | undefined = ({ minSize }) => minSize,
  buckets: readonly Size[] = [],
  spare?: ArrayBuffer,
): PreparedImages {
  checkInputSpec(input);
  if (items.length === 0) throw new KdError('USAGE', 'inputTransform was given no images.');
  const imageSizes = items.map((item) => {
    const { height, width } = item.image;
    const minSize = minSizeOf(item) ?? input.minSize.at(-1)!;
    return input.fixedSize ?? resizedSize(height, width, minSize, input.maxSize, input.resize);
  });
  const most = (side: 0 | 1): number => Math.max(...imageSizes.map((size) => size[side]));
  const [b, [h, w]] = [items.length, padTo([most(0), most(1)], input.sizeDivisible, buckets)];
  const data = zeros(b * h * w * 3, spare); // [b, h, w, 3]
  items.forEach(({ image }, i) => {
    const [height, width] = imageSizes[i]!;
    resizeInto({ data, offset: i * h * w * 3, rowStride: w * 3 }, image, height, width, input);
  });
  return input.layout === 'nchw'
    ? { data: channelsFirst(data, b, h * w), shape: [b, 3, h, w], imageSizes }
    : { data, shape: [b, h, w, 3], imageSizes };
}

const zeros = (length: number, spare?: ArrayBuffer): Float32Array =>
  spare !== undefined && spare.byteLength >= 4 * length
    ? new Float32Array(spare, 0, length).fill(0)
    : new Float32Array(length);

/** [b, cells, 3] to [b, 3, cells] */
function channelsFirst(data: Float32Array, b: number, cells: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let i = 0; i < b; i++)
    for (let c = 0; c < 3; c++)
      for (let cell = 0, to = (i * 3 + c) * cells, from = i * cells * 3 + c; cell < cells; cell++, from += 3)
        out[to + cell] = data[from]!;
  return out;
}
