import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageRecord } from '@kd/core';
import { fileOf, type PixelSource } from '../pixels.js';

/** Images looked for: a wrong folder shows in any of them. */
const SAMPLE = 100;

/**
 * A sentence for the end of a message where most images are not there: then skipping is no way out. Empty where they
 * are there.
 */
export async function wrongFolder(pixels: PixelSource, images: readonly ImageRecord[]): Promise<string> {
  if (pixels.kind === 'synthetic') return '';
  const count = Math.min(SAMPLE, images.length);
  const sample = Array.from({ length: count }, (_, i) => images[Math.floor((i * images.length) / count)]!);
  const missing = await Promise.all(
    sample.map(async ({ file }) => {
      const place = fileOf(pixels, file);
      return access(join(place.folder, place.file)).then(
        () => 0,
        () => 1,
      );
    }),
  );
  const sum = missing.reduce<number>((total, one) => total + one, 0);
  return sum > 1 && sum > count / 2
    ? ` ${sum} of ${count} images looked for are not there: the folder of the images looks wrong.`
    : '';
}
