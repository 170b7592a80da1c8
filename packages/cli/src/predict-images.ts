import type { Detector, Inference } from '@kd/core';
import type { HostImage } from '@kd/data';
import { detectBatch, type Found } from './detect-images.js';
import { imageThread } from './image-thread.js';
import { tell } from './out.js';
import { prepareFile, type PreparedImage } from './prepared-image.js';
import { readAhead } from './read-ahead.js';

/** An image with what was found on it, or why it could not be used. */
export type Predicted =
  | {
      readonly file: string;
      readonly width: number;
      readonly height: number;
      /** Null unless pixels were asked for. */
      readonly image: HostImage | null;
      readonly found: readonly Found[];
    }
  | { readonly file: string; readonly error: unknown };

export interface PredictOptions {
  /** Objects from this score on. */
  readonly threshold: number;
  /** Whether the images are wanted, too. */
  readonly pixels: boolean;
}

/** Images that are read, decoded and resized while a detector works on another one. */
const AHEAD = 4;

/** A thread takes as long to start as some images to read. */
const WORTH_A_THREAD = 4;

/** What a detector finds on images, one after the other. */
export async function* predictImages(
  detector: Detector,
  files: readonly string[],
  inference: Inference,
  { threshold, pixels }: PredictOptions,
): AsyncGenerator<Predicted, void, undefined> {
  const { input } = detector;
  const thread = files.length < WORTH_A_THREAD ? null : imageThread({ input, pixels }, endedThread);
  const prepare = async (file: string): Promise<PreparedImage> =>
    (await thread?.prepare(file)) ?? prepareFile(file, input, pixels);
  try {
    for await (const { item: file, result } of readAhead(files, AHEAD, prepare)) {
      if (result.status === 'rejected') yield { file, error: result.reason as unknown };
      else yield await detectOne(detector, file, result.value, threshold, inference);
    }
  } finally {
    await thread?.close();
  }
}

const endedThread = (why: string): void =>
  tell(`note: the thread that reads images ended (${why}); they are read by the one that detects, which takes longer`);

async function detectOne(
  detector: Detector,
  file: string,
  { batch, width, height, image }: PreparedImage,
  threshold: number,
  inference: Inference,
): Promise<Predicted> {
  try {
    const [found] = await detectBatch(detector, batch, threshold, inference);
    return { file, width, height, image, found: found! };
  } catch (error) {
    return { file, error };
  }
}
