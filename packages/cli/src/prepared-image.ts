import type { InputSpec } from '@kd/core';
import { type HostImage, inputTransform } from '@kd/data';
import { readAnyImage } from './read-any-image.js';

/** An image as a detector takes it, alone. */
export interface PreparedImage {
  readonly batch: ReturnType<typeof inputTransform>;
  readonly width: number;
  readonly height: number;
  /** Null unless it is wanted for drawing. */
  readonly image: HostImage | null;
}

/** @throws KdError IMAGE_INVALID */
export async function prepareFile(file: string, input: InputSpec, pixels: boolean): Promise<PreparedImage> {
  const image = await readAnyImage(file);
  const { width, height } = image;
  return { batch: inputTransform([{ image, id: 0 }], input), width, height, image: pixels ? image : null };
}
