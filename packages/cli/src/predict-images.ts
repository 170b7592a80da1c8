import type { Detector, Inference } from '@kd/core';
import type { HostImage } from '@kd/data';
import { detectBatch, type Found } from './detect-images.js';
import { imageThread, type ImageThread } from './image-thread.js';
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

/** What a detector finds on images, in their order. Objects of one are selected while the network has the next one. */
export async function* predictImages(
  detector: Detector,
  files: readonly string[],
  inference: Inference,
  { threshold, pixels }: PredictOptions,
): AsyncGenerator<Predicted, void, undefined> {
  const { input } = detector;
  const thread = files.length < WORTH_A_THREAD ? null : imageThread({ input, pixels }, endedThread);
  const prepare = async (file: string): Promise<PreparedImage> =>
    (thread?.ready() ? await thread.prepare(file) : null) ?? prepareFile(file, input, pixels);
  let before: Promise<Predicted> | null = null;
  try {
    for await (const { item: file, result } of readAhead(files, AHEAD, prepare)) {
      const one =
        result.status === 'rejected'
          ? Promise.resolve({ file, error: result.reason as unknown })
          : detectOne(detector, file, result.value, threshold, inference, thread);
      const ready = before;
      before = one;
      if (ready !== null) yield await ready;
    }
    if (before !== null) yield await before;
  } finally {
    await before;
    await thread?.close();
  }
}

const endedThread = (why: string): void =>
  tell(`note: the thread that reads images ended (${why}); they are read by the one that detects, which takes longer`);

async function detectOne(
  detector: Detector,
  file: string,
  prepared: PreparedImage,
  threshold: number,
  inference: Inference,
  thread: ImageThread | null,
): Promise<Predicted> {
  const { batch, width, height, image } = prepared;
  try {
    const [found] = await detectBatch(detector, batch, threshold, inference);
    thread?.recycle(prepared);
    return { file, width, height, image, found: found! };
  } catch (error) {
    return { file, error };
  }
}
