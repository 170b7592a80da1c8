import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageRecord } from '@kd/core';
import { fileOf, type PixelSource } from './pixels.js';

/** Files of images that are not there; none of them is read. */
export async function missingImages(pixels: PixelSource, images: readonly ImageRecord[]): Promise<string[]> {
  if (pixels.kind === 'synthetic') return [];
  const missing = await Promise.all(
    images.map(async ({ file }) => {
      const place = fileOf(pixels, file);
      return access(join(place.folder, place.file)).then(
        () => [],
        () => [file],
      );
    }),
  );
  return missing.flat();
}
