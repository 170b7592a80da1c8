import { readPictureFile } from '#host/picture-files';
import type { ImageRecord } from '@kd/core/plain';
import type { HostImage } from './decode/image.js';
import type { PixelSource } from './pixel-source.js';
import { syntheticImage } from './synthetic/render.js';

/** @throws KdError IMAGE_INVALID */
export async function readPixels(source: PixelSource, record: ImageRecord): Promise<HostImage> {
  if (source.kind === 'synthetic') return syntheticImage(source.scene, Number(record.id));
  if (source.kind === 'memory') return source.pictures.get(record.file)!;
  return readPictureFile(source, record);
}
