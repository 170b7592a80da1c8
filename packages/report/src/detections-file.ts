import { join } from 'node:path';
import { type ImageDetections, isObject, type Listener, readRegularText, writeFileAtomic } from '@kd/core';

export const DETECTIONS = 'detections.json';

/**
 * Writes `detections.json` in the run folder: what the newest evaluation found on each image, boxes as x1, y1, x2, y2
 * in pixels of the image, labels as indices of the classes. Figures of it can be computed again, on part of the images.
 */
export function detectionsFile(): Listener {
  let folder = '';
  return {
    name: 'detections-file',
    on: async (event) => {
      if (event.type === 'start') folder = event.run.folder;
      if (event.type !== 'evaluation') return;
      const { step, detections } = event;
      await writeDetections(join(folder, DETECTIONS), step, detections);
    },
  };
}

/** Nine digits bring a 32-bit float back. */
const short = (values: Float32Array): number[] => Array.from(values, (value) => Number(value.toPrecision(9)));

/** A line an image. */
export const writeDetections = (file: string, step: number, detections: readonly ImageDetections[]): Promise<void> =>
  writeFileAtomic(
    file,
    `{"step":${step},"images":[\n${detections
      .map(({ id, boxes, scores, labels }) =>
        JSON.stringify({ id, boxes: short(boxes), scores: short(scores), labels: [...labels] }),
      )
      .join(',\n')}\n]}\n`,
  );

/**
 * What {@link writeDetections} wrote.
 * @throws Error where it is not there, or damaged
 */
export async function readDetections(
  file: string,
): Promise<{ readonly step: number; readonly detections: ImageDetections[] }> {
  const { step, images } = JSON.parse(await readRegularText(file)) as {
    readonly step: number;
    readonly images: readonly {
      readonly id: number | string;
      readonly boxes: readonly number[];
      readonly scores: readonly number[];
      readonly labels: readonly number[];
    }[];
  };
  if (typeof step !== 'number' || !Array.isArray(images)) throw new Error('it holds no detections');
  for (const image of images as readonly unknown[])
    if (!isImage(image)) throw new Error('an image in it has no id, or not as many boxes, scores and labels');
  return {
    step,
    detections: images.map(({ id, boxes, scores, labels }) => ({
      id,
      boxes: Float32Array.from(boxes),
      scores: Float32Array.from(scores),
      labels: Int32Array.from(labels),
    })),
  };
}

const isImage = (image: unknown): boolean => {
  if (!isObject(image)) return false;
  const { id, boxes, scores, labels } = image;
  const numbers = [boxes, scores, labels].every((one) => Array.isArray(one) && one.every(Number.isFinite));
  if (!numbers || (typeof id !== 'number' && typeof id !== 'string')) return false;
  const [n, places] = [(scores as number[]).length, labels as number[]];
  return (
    (boxes as number[]).length === 4 * n &&
    places.length === n &&
    places.every((one) => Number.isInteger(one) && one >= 0)
  );
};
