import { join } from 'node:path';
import { KdError, writeFileAtomic, type Category, type ImageRecord } from '@kd/core';
import sharp from 'sharp';
import type { DataSource, ReadDataset } from '../dataset.js';
import { coco } from '../read/coco.js';
import type { Correction } from '../read/correction.js';
import { from } from '../read/safe-path.js';
import { voc } from '../read/voc.js';
import { classList } from './class-list.js';

/** What is to be checked: `coco` with `images`, or `voc` with `split`. */
export interface CheckOptions {
  /** Instances JSON. */
  readonly coco?: string;
  /** Image folder of `coco`. */
  readonly images?: string;
  /** Root of a VOC data set. */
  readonly voc?: string;
  /** Split of `voc`. */
  readonly split?: string;
  /** Class names in the order of the labels: a list, a JSON list as text, or the name of a file that holds one. */
  readonly classes?: string | readonly string[];
  /** Refuse what would be corrected. */
  readonly strict?: boolean;
  /** Folder that the decoded images are written to, as PNG. */
  readonly dump?: string;
  readonly maxPixels?: number;
  /** Where relative paths start; default: the working directory. */
  readonly folder?: string;
}

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

export type CheckResult =
  | { readonly ok: true; readonly images: readonly CheckedImage[]; readonly report: readonly Correction[] }
  | { readonly ok: false; readonly error: { readonly message: string } };

/** Images decoded at a time. */
const LANES = 4;

/**
 * Reads a data set and decodes every image of it, as training would. What a person can mend is returned as `ok: false`.
 * @throws KdError USAGE for options that contradict each other
 */
export async function checkDataset(options: CheckOptions): Promise<CheckResult> {
  const folder = options.folder ?? process.cwd();
  try {
    const source = await sourceOf(options, folder);
    const dataset = await source.open({ folder });
    checkClasses(await classList(options.classes, folder), options, dataset.categories);
    return {
      ok: true,
      images: await decodeAll(dataset, options.dump === undefined ? undefined : from(folder, options.dump)),
      report: dataset.report,
    };
  } catch (thrown) {
    if (!(thrown instanceof KdError) || thrown.code === 'USAGE') throw thrown;
    return { ok: false, error: { message: thrown.message } };
  }
}

async function sourceOf(options: CheckOptions, folder: string): Promise<DataSource> {
  const { strict = false, maxPixels } = options;
  const common = { strict, ...(maxPixels === undefined ? {} : { maxPixels }) };
  if ((options.coco === undefined) === (options.voc === undefined))
    throw new KdError(
      'USAGE',
      'Say what to check: either --coco JSON with --images DIR, or --voc ROOT with --split NAME.',
    );
  if (options.coco !== undefined) {
    if (options.images === undefined)
      throw new KdError('USAGE', '--coco needs --images DIR, the folder that its file names start from.');
    return coco({ annotations: options.coco, images: options.images, ...common });
  }
  if (options.split === undefined)
    throw new KdError('USAGE', '--voc needs --split NAME, a list in ImageSets/Main without its .txt.');
  const classes = await classList(options.classes, folder);
  return voc({ root: options.voc!, split: options.split, ...(classes === undefined ? {} : { classes }), ...common });
}

/** COCO files name their classes themselves; a list given beside them must agree. */
function checkClasses(
  classes: readonly string[] | undefined,
  { coco: file }: CheckOptions,
  categories: readonly Category[],
): void {
  if (file === undefined || classes === undefined) return;
  const names = categories.map(({ name }) => name);
  if (names.length === classes.length && names.every((name, i) => name === classes[i])) return;
  throw new KdError(
    'DATA_INVALID',
    `${file}: its categories by id are ${names.join(', ')}, the classes given are ${classes.join(', ')}; they must be the same in the same order.`,
  );
}

async function decodeAll(dataset: ReadDataset, dump: string | undefined): Promise<CheckedImage[]> {
  const dumped = dump === undefined ? null : dumpNames(dataset.images);
  const checked: CheckedImage[] = [];
  for (let start = 0; start < dataset.images.length; start += LANES) {
    const settled = await Promise.allSettled(
      dataset.images.slice(start, start + LANES).map(async (record, i) => {
        const image = await dataset.readImage(record);
        if (dump !== undefined && dumped !== null) {
          const png = await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
            .png()
            .toBuffer();
          await writeFileAtomic(join(dump, dumped[start + i]!), png);
        }
        return checkedImage(record, image, dataset.categories);
      }),
    );
    for (const result of settled) {
      // in order, so that the error told is always the same one
      if (result.status === 'rejected') throw result.reason;
      checked.push(result.value);
    }
  }
  return checked;
}

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
