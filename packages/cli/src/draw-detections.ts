import { type Config, type Dataset, type ImageDetections, openDataset } from '@kd/core';
import type { ReadDataset } from '@kd/data';
import type { DrawnPicture } from '@kd/report';
import sharp from 'sharp';
import { drawBoxes } from './drawing.js';
import { ports } from './ports.js';

export interface DrawOptions {
  /** Where relative paths of the source start, that of the config. Default: the working directory. */
  readonly folder?: string;
  /** Detections from this score on. Default: 0.3, as in `kd predict`. */
  readonly threshold?: number;
}

type Draw = (found: ImageDetections, classes: readonly string[]) => Promise<DrawnPicture>;

/** The longest side of a picture: event files hold some after each evaluation. */
const LONGEST = 640;

/**
 * Draws what was found on images of a data set: for `tensorboard({ draw })` of `@kd/report`.
 * @param source as a config has it under `data.val`
 * @returns null where the data are somebody else's and give no single images
 */
export async function drawDetections(
  source: NonNullable<Config['data']['val']>,
  { folder = '.', threshold = 0.3 }: DrawOptions = {},
): Promise<Draw | null> {
  const dataset: Dataset & Partial<ReadDataset> = await openDataset(source, folder, ports);
  const { readImage } = dataset;
  if (readImage === undefined) return null;
  const records = new Map(dataset.images.map((record) => [record.id, record]));
  return async ({ id, boxes, scores, labels }, classes) => {
    const shown = [...scores].flatMap((score, i) => {
      const box = [...boxes.subarray(4 * i, 4 * i + 4)] as [number, number, number, number];
      const label = labels[i]!;
      return score < threshold ? [] : [{ box, label, text: `${classes[label]!} ${score.toFixed(2)}` }];
    });
    const { data: png, info } = await sharp(await drawBoxes(await readImage(records.get(id)!), shown))
      .resize(LONGEST, LONGEST, { fit: 'inside', withoutEnlargement: true })
      .png()
      .toBuffer({ resolveWithObject: true });
    return { png, width: info.width, height: info.height };
  };
}
