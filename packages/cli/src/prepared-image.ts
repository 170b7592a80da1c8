import type { InferenceBatch, InputSpec } from '@kd/core';
import { type HostImage, prepareImages } from '@kd/data';
import { readAnyImage } from './read-any-image.js';

/** An image as a detector takes it, alone. */
export interface PreparedImage {
  readonly batch: InferenceBatch;
  readonly width: number;
  readonly height: number;
  /** Null unless it is wanted for drawing. */
  readonly image: HostImage | null;
}

/**
 * @param spare memory of an image that is done with, for this one
 * @throws KdError IMAGE_INVALID
 */
export async function prepareFile(
  file: string,
  input: InputSpec,
  pixels: boolean,
  spare?: ArrayBuffer,
): Promise<PreparedImage> {
  const image = await readAnyImage(file);
  const { width, height } = image;
  const { data, shape, imageSizes } = prepareImages([{ image }], input, undefined, undefined, spare);
  const batch = {
    images: data,
    shape: [1, shape[1], shape[2], 3] as const,
    imageSizes,
    originalSizes: [[height, width] as const],
    ids: [0],
  };
  return { batch, width, height, image: pixels ? image : null };
}
