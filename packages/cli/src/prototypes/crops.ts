import { KdError, messageOf } from '@kd/core';
import type { HostImage, ReadDataset } from '@kd/data';
import sharp from 'sharp';
import type { Bank } from './bank.js';

/** A picture of an instance, with a little of what is around it. */
export interface Crop {
  readonly width: number;
  readonly height: number;
  /** `data:image/jpeg;base64,…` */
  readonly uri: string;
}

/** Height of a crop in pixels, and the most that its width may be. */
const HEIGHT = 96;
const WIDTH = 192;
/** Of the longer side of the box, on each side. */
const AROUND = 0.15;

/**
 * Crops of the instances in `rows`; each image is read once.
 * @throws KdError DATA_INVALID for an image that is not in the data any more, IMAGE_INVALID for one that cannot be read
 */
export async function cropInstances(
  { info, instances }: Bank,
  rows: ReadonlySet<number>,
  data: ReadDataset,
): Promise<ReadonlyMap<number, Crop>> {
  const records = new Map(data.images.map((record) => [record.id, record]));
  const byImage = new Map<number, number[]>();
  for (const row of rows) byImage.set(instances.image[row]!, [...(byImage.get(instances.image[row]!) ?? []), row]);
  const crops = new Map<number, Crop>();
  for (const [place, own] of byImage) {
    const id = info.images[place]!;
    const record = records.get(id);
    if (record === undefined)
      throw new KdError(
        'DATA_INVALID',
        `the image ${JSON.stringify(id)} of the bank is not in the training data of the run (${data.name}) any more; put the data back as the run had it.`,
      );
    let image: HostImage;
    try {
      image = await data.readImage(record);
    } catch (cause) {
      throw new KdError(
        'IMAGE_INVALID',
        `a prototype cannot be shown, since its image ${record.file} cannot be read: ${messageOf(cause)} Put the images of ${data.name} back where the run had them.`,
        { cause },
      );
    }
    for (const row of own)
      crops.set(
        row,
        await crop(image, [...instances.box.subarray(4 * row, 4 * row + 4)] as [number, number, number, number]),
      );
  }
  return crops;
}

async function crop(
  { data, width, height }: HostImage,
  [x1, y1, x2, y2]: readonly [number, number, number, number],
): Promise<Crop> {
  const around = AROUND * Math.max(x2 - x1, y2 - y1);
  const clamp = (value: number, most: number): number => Math.max(0, Math.min(most, value));
  const left = clamp(Math.floor(x1 - around), width - 1);
  const top = clamp(Math.floor(y1 - around), height - 1);
  const [w, h] = [
    Math.max(1, clamp(Math.ceil(x2 + around), width) - left),
    Math.max(1, clamp(Math.ceil(y2 + around), height) - top),
  ];
  const scale = Math.min(HEIGHT / h, WIDTH / w);
  const [shownWidth, shownHeight] = [Math.max(1, Math.round(w * scale)), Math.max(1, Math.round(h * scale))];
  const frame = `<svg xmlns="http://www.w3.org/2000/svg" width="${shownWidth}" height="${shownHeight}"><rect x="${(x1 - left) * scale}" y="${(y1 - top) * scale}" width="${(x2 - x1) * scale}" height="${(y2 - y1) * scale}" fill="none" stroke="#ffd400" stroke-width="1.5"/></svg>`;
  const shown = await sharp(data, { raw: { width, height, channels: 3 } })
    .extract({ left, top, width: w, height: h })
    .resize(shownWidth, shownHeight, { fit: 'fill' })
    .png()
    .toBuffer();
  const jpeg = await sharp(shown)
    .composite([{ input: Buffer.from(frame) }])
    .jpeg({ quality: 80 })
    .toBuffer();
  return { width: shownWidth, height: shownHeight, uri: `data:image/jpeg;base64,${jpeg.toString('base64')}` };
}
