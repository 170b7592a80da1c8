import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { KdError, type ImageRecord } from '@kd/core/plain';
import { readImage } from '../../decode/decode.js';
import type { HostImage } from '../../decode/image.js';
import { inFiles, type PictureFiles, type PixelSource } from '../../pixel-source.js';
import { resolveInside } from '../../read/safe-path.js';

/** @throws KdError IMAGE_INVALID */
export async function readPictureFile(source: PictureFiles, record: ImageRecord): Promise<HostImage> {
  const { folder, file } = fileOf(source, record.file);
  return readImage(await resolveInside(folder, file), { declared: record, maxPixels: source.maxPixels });
}

/** Null for a picture that is drawn, or in memory. @throws KdError IMAGE_INVALID for a file of no folder */
export function pathOf(source: PixelSource, name: string): string | null {
  if (!inFiles(source)) return null;
  const { folder, file } = fileOf(source, name);
  return join(folder, file);
}

/** Files of images that are not there; none of them is read. */
export async function missingImages(pixels: PixelSource, images: readonly ImageRecord[]): Promise<string[]> {
  if (!inFiles(pixels)) return [];
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

/** Where a file of the data set lies. @throws KdError IMAGE_INVALID for one of no folder */
const fileOf = (source: PictureFiles, file: string): { readonly folder: string; readonly file: string } =>
  source.kind === 'files' ? { folder: source.folder, file } : inFolder(source.folders, file);

function inFolder(
  folders: Readonly<Record<string, string>>,
  file: string,
): { readonly folder: string; readonly file: string } {
  const name = Object.keys(folders).find((one) => file.startsWith(`${one}/`));
  if (name === undefined)
    throw new KdError('IMAGE_INVALID', `${file} is in none of the folders ${Object.keys(folders).join(', ')}.`);
  return { folder: folders[name]!, file: file.slice(name.length + 1) };
}
