import { KdError, type ImageRecord } from '@kd/core/plain';
import type { HostImage } from '../../decode/image.js';
import type { PictureFiles, PixelSource } from '../../pixel-source.js';

/** @throws KdError IMAGE_INVALID always */
export async function readPictureFile(_source: PictureFiles, { file }: ImageRecord): Promise<HostImage> {
  throw new KdError(
    'IMAGE_INVALID',
    `A browser has no folder that ${file} could be in; hand the pixels to inMemory(…).`,
  );
}

export const pathOf = (_source: PixelSource, _name: string): string | null => null;

export const missingImages = async (_pixels: PixelSource, _images: readonly ImageRecord[]): Promise<string[]> => [];
