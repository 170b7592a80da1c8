import { join } from 'node:path';
import { KdError, unusable, writeFileAtomic, type Category, type ImageRecord } from '@kd/core/plain';
import sharp from 'sharp';
import type { DataSource, ReadDataset } from '../dataset.js';
import { dataSource } from '../open-dataset.js';
import type { Correction } from '../read/correction.js';
import { attempt, gatherFaults, type TellFault } from '../read/faults.js';
import { tellPictures } from '../read/picture-faults.js';

/** An image as the program sees it. */
export interface CheckedImage {
  readonly file: string;
  /** Of the decoded, upright image. */
  readonly width: number;
  readonly height: number;
  /** [x, y, w, h] per box; the lists below have one entry per box, too. */
  readonly boxes: readonly (readonly [number, number, number, number])[];
  readonly names: readonly string[];
  readonly category_ids: readonly number[];
  readonly iscrowd: readonly (0 | 1)[];
  readonly area: readonly number[];
}

export interface Inspected {
  readonly dataset: ReadDataset;
  readonly images: readonly CheckedImage[];
  /** What was corrected, and what is odd about decoded images. */
  readonly report: readonly Correction[];
  /** Why nothing can be learned from it; each reason goes on from its name. */
  readonly unusable: readonly string[];
}

/** Images decoded at a time. */
const LANES = 4;

/**
 * Reads a data set and decodes every image of it, as training would.
 * @param tell takes what is wrong with single entries and images
 * @param dump folder that the decoded images are written to
 */
export async function inspect(source: DataSource, folder: string, tell: TellFault, dump?: string): Promise<Inspected> {
  const dataset = await source.open({ folder, tell });
  const { images, notes } = await decodeAll(dataset, dump, tell);
  const dropped = dataset.report.filter(({ action }) => action === 'dropped').length;
  return { dataset, images, report: [...dataset.report, ...notes], unusable: unusable(dataset, dropped) };
}

/**
 * Opens the data set that plain data describes with the strictness of `kd data check`: every image is decoded.
 * @param folder where relative paths start, e.g. that of the config
 * @returns with all that was corrected
 * @throws KdError CONFIG_INVALID, DATA_INVALID, IMAGE_INVALID: all that is wrong with it
 */
export async function openChecked(
  spec: unknown,
  folder: string,
): Promise<{ readonly dataset: ReadDataset; readonly report: readonly Correction[] }> {
  const source = dataSource(spec);
  const { dataset, report, unusable } = await gatherFaults(source.name, undefined, (tell) =>
    inspect(source, folder, tell),
  );
  if (unusable.length > 0) throw new KdError('DATA_INVALID', `${source.name} ${unusable.join('; ')}.`);
  return { dataset, report };
}

async function decodeAll(
  dataset: ReadDataset,
  dump: string | undefined,
  tell: TellFault,
): Promise<{ readonly images: readonly CheckedImage[]; readonly notes: readonly Correction[] }> {
  const dumped = dump === undefined ? null : attempt(tell, () => dumpNames(dataset.images));
  const images: CheckedImage[] = [];
  const notes: Correction[] = [];
  const bad: KdError[] = [];
  for (let start = 0; start < dataset.images.length; start += LANES) {
    const records = dataset.images.slice(start, start + LANES);
    const settled = await Promise.allSettled(
      records.map(async (record, i) => {
        const image = await dataset.readImage(record);
        if (dump !== undefined && dumped !== null) {
          const png = await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
            .png()
            .toBuffer();
          await writeFileAtomic(join(dump, dumped[start + i]!), png);
        }
        return image;
      }),
    );
    settled.forEach((result, i) => {
      const record = records[i]!;
      if (result.status === 'fulfilled') {
        images.push(checkedImage(record, result.value, dataset.categories));
        if (result.value.turnUndecided === true)
          notes.push({ file: record.file, annotation: null, action: 'noted', why: TURN_UNDECIDED });
      } else if (result.reason instanceof KdError) bad.push(result.reason);
      else throw result.reason;
    });
  }
  tellPictures(bad, dataset.images.length, tell);
  return { images, notes };
}

const TURN_UNDECIDED =
  'EXIF turns the picture, which has the same size either way; it is turned, check that its boxes mean it upright';

function checkedImage(
  { file, annotations }: ImageRecord,
  { width, height }: { width: number; height: number },
  categories: readonly Category[],
): CheckedImage {
  return {
    file,
    width,
    height,
    boxes: annotations.map(({ box: [x1, y1, x2, y2] }) => [tidy(x1), tidy(y1), tidy(x2 - x1), tidy(y2 - y1)] as const),
    names: annotations.map(({ label }) => categories[label]!.name),
    category_ids: annotations.map(({ label }) => categories[label]!.id),
    iscrowd: annotations.map(({ ignore }) => (ignore ? 1 : 0)),
    area: annotations.map(({ area }) => tidy(area)),
  };
}

/** Without the last digits that a difference of binary fractions brings in. */
const tidy = (value: number): number => Number(value.toPrecision(12));

/** The PNG's name for every image: its own with another extension. */
function dumpNames(images: readonly ImageRecord[]): string[] {
  const owners = new Map<string, string>();
  return images.map(({ file }) => {
    const name = `${file.replace(/\.[^./]*$/, '')}.png`;
    const owner = owners.get(name);
    if (owner !== undefined && owner !== file)
      throw new KdError(
        'DATA_INVALID',
        `${owner} and ${file} would both be written to ${name}; rename one or leave --dump out.`,
      );
    owners.set(name, file);
    return name;
  });
}
