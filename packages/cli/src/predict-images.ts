import type { Detector, Inference } from '@kd/core';
import type { HostImage } from '@kd/data';
import { detectImages, type Found } from './detect-images.js';
import { readAhead } from './read-ahead.js';
import { readAnyImage } from './read-any-image.js';

/** An image with what was found on it, or why it could not be used. */
export type Predicted =
  | { readonly file: string; readonly image: HostImage; readonly found: readonly Found[] }
  | { readonly file: string; readonly error: unknown };

/**
 * Images that are read and decoded while a detector works on another one. The thread that waits for the detector takes
 * a step of each whenever it comes free, and an image has six of them.
 */
const AHEAD = 8;

/** What a detector finds on images, one after the other, from a score on. */
export async function* predictImages(
  detector: Detector,
  files: readonly string[],
  threshold: number,
  inference: Inference,
): AsyncGenerator<Predicted, void, undefined> {
  for await (const { item: file, result } of readAhead(files, AHEAD, readAnyImage)) {
    if (result.status === 'rejected') yield { file, error: result.reason as unknown };
    else yield await detectOne(detector, file, result.value, threshold, inference);
  }
}

async function detectOne(
  detector: Detector,
  file: string,
  image: HostImage,
  threshold: number,
  inference: Inference,
): Promise<Predicted> {
  try {
    const [found] = await detectImages(detector, [image], threshold, inference);
    return { file, image, found: found! };
  } catch (error) {
    return { file, error };
  }
}
