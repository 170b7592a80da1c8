/**
 * A block's share of one map in bytes. An elementwise pass over a map that fits the cache costs a third of one over a large
 * map, and the loss makes some forty of them.
 */
const BLOCK_BYTES = 4 << 20;
/** Below this, cutting channels costs more than it saves: rows of a block are copied one by one. */
const FEWEST_CHANNELS = 32;

/** A part of a map: images [image, image + images) and channels [channel, channel + channels). */
export interface Block {
  readonly image: number;
  readonly images: number;
  readonly channel: number;
  readonly channels: number;
}

/** Cuts a map into blocks: SSIM treats every channel of every image apart. Rows of blocks share their images. */
export function blocksOf([n, h, w, c]: readonly [number, number, number, number], bytes = BLOCK_BYTES): Block[][] {
  const plane = h * w * 4;
  const fewest = Math.min(c, FEWEST_CHANNELS);
  const images = clamp(Math.floor(bytes / (plane * fewest)), 1, n);
  const channels = clamp(Math.floor(bytes / (plane * images)), fewest, c);
  // Blocks of one size, not full ones and a rest.
  const cut = (total: number, most: number): [from: number, count: number][] => {
    const parts = Math.ceil(total / most);
    return Array.from({ length: parts }, (_, i) => {
      const from = Math.round((i * total) / parts);
      return [from, Math.round(((i + 1) * total) / parts) - from];
    });
  };
  return cut(n, images).map(([image, imageCount]) => cut(c, channels).map(([channel, count]) => ({ image, images: imageCount, channel, channels: count })));
}

const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));
