import { join } from 'node:path';
import {
  checkMembers,
  KdError,
  unusable,
  writeFileAtomic,
  type Category,
  type ImageRecord,
  printable,
} from '@kd/core/plain';
import sharp from 'sharp';
import type { DataSource, ReadDataset } from '../dataset.js';
import { dataSource } from '../open-dataset.js';
import type { Correction } from '../read/correction.js';
import type { TellFault } from '../read/faults.js';
import { tellPictures } from '../read/picture-faults.js';
import { from } from '../read/safe-path.js';
import { type ShortForm, shortForm } from '../short-form.js';
import { classList } from './class-list.js';

/** What is to be checked: `coco` with `images`, `voc` with `split`, `yolo`, `labelme` or `csv`. */
export interface CheckOptions extends ShortForm {
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
  | {
      readonly ok: true;
      readonly name: string;
      /** Names of all classes, also of those without a box. */
      readonly classes: readonly string[];
      readonly images: readonly CheckedImage[];
      readonly report: readonly Correction[];
    }
  | {
      readonly ok: false;
      readonly error: { readonly message: string; readonly findings: readonly string[] };
      /** What would be corrected beside that. */
      readonly report: readonly Correction[];
    };

/** Images decoded at a time. */
const LANES = 4;

/**
 * Reads a data set and decodes every image of it, as training would. What a person can mend is returned as `ok: false`,
 * all of it at once.
 * @throws KdError USAGE for options that contradict each other
 */
export async function checkDataset(options: CheckOptions): Promise<CheckResult> {
  checkMembers(options, {}, 'the options of checkDataset', 'USAGE');
  const folder = options.folder ?? process.cwd();
  const findings: string[] = [];
  const tell = ({ message }: KdError): void => void findings.push(message);
  const report: Correction[] = [];
  let name = '';
  try {
    const source = await sourceOf(options, folder);
    name = source.name;
    const dataset = await source.open({ folder, tell });
    const dump = options.dump === undefined ? undefined : from(folder, options.dump);
    report.push(...dataset.report);
    const { images, notes } = await decodeAll(dataset, dump, tell);
    report.push(...notes);
    if (findings.length === 0) findings.push(...unusable(dataset, droppedOf(dataset.report)).map((why) => `it ${why}`));
    if (findings.length === 0)
      return { ok: true, name, classes: dataset.categories.map((category) => category.name), images, report };
  } catch (thrown) {
    if (!(thrown instanceof KdError) || thrown.code === 'USAGE') throw thrown;
    tell(thrown);
  }
  return { ok: false, error: { message: messageOfFindings(name, findings), findings }, report };
}

const droppedOf = (report: readonly Correction[]): number => report.filter(({ action }) => action === 'dropped').length;

/** The name tells which split it was. */
function messageOfFindings(name: string, findings: readonly string[]): string {
  const of = name === '' ? '' : `${printable(name)}: `;
  if (findings.length === 1) return `${of}${findings[0]!}`;
  return `${of}${findings.length} findings:\n${findings.map((finding) => `  ${finding}`).join('\n')}`;
}

async function sourceOf(options: CheckOptions, folder: string): Promise<DataSource> {
  const { strict = false, maxPixels, classes, dump: _dump, folder: _folder, ...named } = options;
  const spec = shortForm(named);
  if (spec === null)
    throw new KdError(
      'USAGE',
      'Say what to check: --coco JSON with --images DIR, --voc ROOT with --split NAME, --yolo data.yaml, --labelme DIR, or --csv FILE.',
    );
  // A table takes a file of classes itself: it may hold their ids.
  const isFile = spec['format'] === 'csv' && typeof classes === 'string' && !classes.trimStart().startsWith('[');
  const names = isFile ? classes : await classList(classes, folder);
  return dataSource({
    ...spec,
    ...(names === undefined ? {} : { classes: names }),
    strict,
    ...(maxPixels === undefined ? {} : { maxPixels }),
  });
}

async function decodeAll(
  dataset: ReadDataset,
  dump: string | undefined,
  tell: TellFault,
): Promise<{ readonly images: readonly CheckedImage[]; readonly notes: readonly Correction[] }> {
  const dumped = dump === undefined ? null : dumpNames(dataset.images);
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
