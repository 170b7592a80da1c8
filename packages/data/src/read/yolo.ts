import { basename, dirname, join } from 'node:path';
import { KdError, parseOptions } from '@kd/core/plain';
import * as v from 'valibot';
import type { DataSource, OpenContext, ReadDataset } from '../dataset.js';
import { DEFAULT_MAX_PIXELS } from '../decode/image.js';
import { SOURCE_OPTIONS } from '../source-options.js';
import { assemble, type Described, type DescribedObject } from './assemble.js';
import { type Box, cleaned } from './box-rule.js';
import { chooseCategories } from './choose-categories.js';
import { type Correction, repeatedRow } from './correction.js';
import { gatherFaults, type TellFault } from './faults.js';
import { inLanes } from './lanes.js';
import { type PathInside, pathInside } from './path-inside.js';
import { from } from './safe-path.js';
import { type Placed, readYoloFile } from './yolo-file.js';
import type { YoloRow, YoloRule } from './yolo-label.js';
import { labelOf, noteLabelFiles, readLabelFile } from './yolo-label-files.js';
import { yoloPictures } from './yolo-pictures.js';

const schema = v.strictObject(SOURCE_OPTIONS.yolo);

export interface YoloOptions {
  /** `data.yaml`. Relative paths start at the folder of the config. */
  readonly data: string;
  /** A split of it: `train`, `val`, `test`. */
  readonly split: string;
  /** Some of its classes by name, in the order of the labels; boxes of others are left out. Default: all, by id. */
  readonly classes?: readonly string[];
  readonly name?: string;
  /** Refuse what would be corrected. */
  readonly strict?: boolean;
  readonly maxPixels?: number;
}

/**
 * A data set in YOLO's form: a `data.yaml`, and a text file of labels for each picture. Category ids are those of the
 * file; image ids are the paths of the pictures below its folder.
 */
export function yolo(given: YoloOptions): DataSource {
  const options = parseOptions(schema, given, 'yolo') as YoloOptions;
  const name = options.name ?? `${nameOf(options.data)}-${options.split}`;
  return {
    name,
    spec: { format: 'yolo', name, strict: false, maxPixels: DEFAULT_MAX_PIXELS, ...options },
    open: (context) => gatherFaults(name, context.tell, (tell) => open(name, options, context, tell)),
  };
}

/** `coco8` of `coco8.yaml` and of `coco8/data.yaml`. */
function nameOf(file: string): string {
  const parts = file.replaceAll('\\', '/').split('/');
  const stem = parts.at(-1)!.replace(/\.ya?ml$/i, '');
  const above = parts.at(-2) ?? '';
  return stem !== 'data' || ['', '.', '..'].includes(above) ? stem : above;
}

async function open(name: string, options: YoloOptions, context: OpenContext, tell: TellFault): Promise<ReadDataset> {
  const file = from(context.folder, options.data);
  const folder = dirname(file);
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  const read = await readYoloFile(file, options.split);
  const categories = chooseCategories(read.categories, options.classes, context.classes, file);
  const labels = new Map(categories.map(({ id }, label) => [id, label]));
  const report: Correction[] = [];
  const note = (about: string, why: string): void =>
    void report.push({ file: about, annotation: null, action: 'noted', why });

  const line = read.download;
  if (line !== null) note(basename(file), `line ${line}: "download" is never run; the pictures have to be there`);
  const hint = line === null ? '' : ` "download" in line ${line} is never run; fetch the pictures yourself.`;
  const base = await baseOf(read.path, folder, hint);
  if (base.why !== undefined) note(basename(file), base.why);
  const { pictures: found, folders } = await yoloPictures(read.split, { folder, base: base.path, hint }, note, tell);
  await noteLabelFiles(
    folder,
    found.map((one) => one.file),
    folders,
    note,
  );
  const rule: YoloRule = { categories: read.categories, poseColumns: read.poseColumns };
  const labelled = await inLanes(found, tell, ({ file }, take) => readLabelFile(folder, labelOf(file), rule, take));
  if (found.length > 0 && labelled.every((one) => one?.there === false))
    tell(
      new KdError(
        'DATA_INVALID',
        `${file}: none of the ${found.length} pictures of "${options.split}" has a label file; the first would be ${join(folder, labelOf(found[0]!.file))}.`,
      ),
    );

  const pictures = found.flatMap(({ file, where }, i): Described[] => {
    const one = labelled[i];
    if (one === null || one === undefined) return [];
    for (const repeat of one.repeats) report.push(repeatedRow(file, repeat));
    return [{ file, size: null, where, objects: one.rows.flatMap((row) => objectOf(row, labels)) }];
  });
  return assemble({ name, folder, categories, pictures, maxPixels, strict: options.strict, file, report }, tell);
}

/** Where the paths of a `data.yaml` start from. */
async function baseOf(path: Placed | null, folder: string, hint: string): Promise<PathInside> {
  if (path === null) return { path: '' };
  return pathInside(path.text, { folder, base: '', where: path.where, above: true }).catch((thrown: unknown) => {
    // The paths of public files are those of the machine that they were made for.
    const advice = ' Put the file beside the pictures and leave "path" out.';
    throw thrown instanceof KdError ? new KdError(thrown.code, thrown.message + advice + hint) : thrown;
  });
}

function objectOf({ line, id, box }: YoloRow, labels: ReadonlyMap<number, number>): DescribedObject[] {
  const label = labels.get(id);
  if (label === undefined) return []; // of a class that is not wanted
  return [{ annotation: line, label, box: ({ width, height }) => inPixels(box, width, height) }];
}

/** What is beyond the picture by less than this is so by rounding, as fractions of six digits are. */
const ROUNDING = 1e-4;

const inPixels = (box: Box, width: number, height: number): Box => {
  const [x1, y1, x2, y2] = box.map(unrounded) as unknown as Box;
  return [cleaned(x1 * width), cleaned(y1 * height), cleaned(x2 * width), cleaned(y2 * height)];
};

function unrounded(value: number): number {
  if (value < 0 && value >= -ROUNDING) return 0;
  return value > 1 && value <= 1 + ROUNDING ? 1 : value;
}
