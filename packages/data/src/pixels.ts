import type { ImageRecord } from '@kd/core';
import { readImage } from './decode/decode.js';
import type { HostImage } from './decode/image.js';
import { resolveInside } from './read/safe-path.js';
import { syntheticImage } from './synthetic/render.js';
import type { SceneOptions } from './synthetic/scene.js';

/** Where the pixels of a data set come from, as plain data: it is sent to the worker threads. */
export type PixelSource =
  | { readonly kind: 'files'; readonly folder: string; readonly maxPixels: number }
  | { readonly kind: 'synthetic'; readonly scene: SceneOptions };

/** @throws KdError IMAGE_INVALID */
export async function readPixels(source: PixelSource, record: ImageRecord): Promise<HostImage> {
  if (source.kind === 'synthetic') return syntheticImage(source.scene, Number(record.id));
  return readImage(await resolveInside(source.folder, record.file), { declared: record, maxPixels: source.maxPixels });
}
