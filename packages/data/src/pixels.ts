import { join } from 'node:path';
import { KdError, type ImageRecord } from '@kd/core/plain';
import { readImage } from './decode/decode.js';
import type { HostImage } from './decode/image.js';
import { resolveInside } from './read/safe-path.js';
import { syntheticImage } from './synthetic/render.js';
import type { SceneOptions } from './synthetic/scene.js';

/** Where the pixels of a data set come from, as plain data: it is sent to the worker threads. */
export type PixelSource =
  | { readonly kind: 'files'; readonly folder: string; readonly maxPixels: number }
  /** Several folders under names: `<name>/<file>` is a file of that one. */
  | { readonly kind: 'folders'; readonly folders: Readonly<Record<string, string>>; readonly maxPixels: number }
  | { readonly kind: 'synthetic'; readonly scene: SceneOptions };

/** @throws KdError IMAGE_INVALID */
export async function readPixels(source: PixelSource, record: ImageRecord): Promise<HostImage> {
  if (source.kind === 'synthetic') return syntheticImage(source.scene, Number(record.id));
  const { folder, file } = fileOf(source, record.file);
  return readImage(await resolveInside(folder, file), { declared: record, maxPixels: source.maxPixels });
}

/** Null for a picture that is drawn. @throws KdError IMAGE_INVALID for a file of no folder */
export function pathOf(source: PixelSource, name: string): string | null {
  if (source.kind === 'synthetic') return null;
  const { folder, file } = fileOf(source, name);
  return join(folder, file);
}

/** Where a file of the data set lies. @throws KdError IMAGE_INVALID for one of no folder */
export const fileOf = (
  source: Exclude<PixelSource, { kind: 'synthetic' }>,
  file: string,
): { readonly folder: string; readonly file: string } =>
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
