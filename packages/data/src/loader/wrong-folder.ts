import type { ImageRecord } from '@kd/core';
import { missingImages } from '#host/picture-files';
import type { PixelSource } from '../pixel-source.js';

/** Images looked for: a wrong folder shows in any of them. */
const SAMPLE = 100;

/**
 * A sentence for the end of a message where most images are not there: then skipping is no way out. Empty where they
 * are there.
 */
export async function wrongFolder(pixels: PixelSource, images: readonly ImageRecord[]): Promise<string> {
  const count = Math.min(SAMPLE, images.length);
  const sample = Array.from({ length: count }, (_, i) => images[Math.floor((i * images.length) / count)]!);
  const { length: missing } = await missingImages(pixels, sample);
  return missing > 1 && missing > count / 2
    ? ` ${missing} of ${count} images looked for are not there: the folder of the images looks wrong.`
    : '';
}
