/**
 * A block's share of one map in bytes. An elementwise pass over a map that fits the cache costs a third of one over a
 * large
 * map, and the loss makes some forty of them; below this, the filters slow down, which are fast where channels are
 * many.
 */
const BLOCK_BYTES = 8 << 20;
/** Below this, cutting channels costs more than it saves: rows of a block are copied one by one. */
const FEWEST_CHANNELS = 32;
/** Whole vectors of the processor. */
const CHANNEL_STEP = 16;

/** A part of a map: images [image, image + images) and channels [channel, channel + channels). */
export interface Block {
  readonly image: number;
  readonly images: number;
  readonly channel: number;
  readonly channels: number;
}

/**
 * Cuts a map into blocks: SSIM treats every channel of every image apart. Blocks in one row share their images. Images
 * are
 * cut first, since a part of them is not copied.
 */
export function blocksOf([n, h, w, c]: readonly [number, number, number, number], bytes = BLOCK_BYTES): Block[][] {
  const plane = h * w * 4;
  const images = clamp(Math.floor(bytes / (plane * c)), 1, n);
  const channels = clamp(Math.floor(bytes / (plane * images * CHANNEL_STEP)) * CHANNEL_STEP, FEWEST_CHANNELS, c);
  return ranges(n, images).map(([image, imageCount]) =>
    ranges(c, channels, CHANNEL_STEP).map(([channel, count]) => ({
      image,
      images: imageCount,
      channel,
      channels: count,
    })),
  );
}

/** Parts of at most `most`, as even as steps of `step` allow. */
function ranges(total: number, most: number, step = 1): [from: number, count: number][] {
  const size = Math.ceil(total / Math.ceil(total / most) / step) * step;
  return Array.from({ length: Math.ceil(total / size) }, (_, i) => [i * size, Math.min(size, total - i * size)]);
}

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
