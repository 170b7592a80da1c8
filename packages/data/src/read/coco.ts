import { parseOptions, type Annotation, type ImageRecord } from '@kd/core/plain';
import * as v from 'valibot';
import { DEFAULT_MAX_PIXELS } from '../decode/image.js';
import { createDataset, type DataSource, type OpenContext, type ReadDataset } from '../dataset.js';
import { correctBox, short } from './box-rule.js';
import { chooseCategories } from './choose-categories.js';
import { readCocoFile, type CocoAnnotation, type CocoImage } from './coco-file.js';
import type { Correction } from './correction.js';
import { attemptLater, gatherFaults, type TellFault } from './faults.js';
import { imageName } from './image-name.js';
import { sizeOfPicture } from './picture-size.js';
import { from } from './safe-path.js';
import { SOURCE_OPTIONS } from '../source-options.js';
import { refuseIfStrict } from './strict.js';

const schema = v.strictObject(SOURCE_OPTIONS.coco);

export interface CocoOptions {
  /** Instances JSON. Relative paths start at the folder of the config. */
  readonly annotations: string;
  /** Folder that `file_name` starts from. */
  readonly images: string;
  /** Some of the categories by name, in the order of the labels; boxes of others are left out. Default: all, by id. */
  readonly classes?: readonly string[];
  readonly name?: string;
  /** Refuse what would be corrected. */
  readonly strict?: boolean;
  readonly maxPixels?: number;
}

/** A data set in COCO's form. Labels are contiguous in the order of the category ids, or of `classes`. */
export function coco(given: CocoOptions): DataSource {
  const options = parseOptions(schema, given, 'coco') as CocoOptions;
  const name = options.name ?? options.annotations.replace(/^.*[/\\]/, '').replace(/\.json$/, '');
  return {
    name,
    spec: { format: 'coco', name, strict: false, maxPixels: DEFAULT_MAX_PIXELS, ...options },
    open: (context) => gatherFaults(name, context.tell, (tell) => open(name, options, context, tell)),
  };
}

async function open(
  name: string,
  options: CocoOptions,
  { folder, classes: wanted }: OpenContext,
  tell: TellFault,
): Promise<ReadDataset> {
  const file = from(folder, options.annotations);
  const imageFolder = from(folder, options.images);
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  const read = await readCocoFile(file, tell);
  const categories = chooseCategories(read.categories, options.classes, wanted, file);
  const labels = new Map(categories.map(({ id }, label) => [id, label]));
  const positions = new Map<number | string, number[]>(read.images.map(({ id }) => [id, []]));
  read.annotations.forEach(({ image }, position) => positions.get(image)!.push(position));

  const report: Correction[] = [];
  const images: ImageRecord[] = [];
  const place = async (image: CocoImage): Promise<{ file: string; width: number; height: number }> => {
    const where = `${file}: image ${image.id}`;
    const named = await imageName(image.file, imageFolder, where);
    const note = (why: string): void => void report.push({ file: named.file, annotation: null, action: 'noted', why });
    if (named.why !== undefined) note(named.why);
    const question = { maxPixels, noSize: image.noSize, where };
    const size = image.size ?? (await sizeOfPicture(imageFolder, named.file, question, note));
    return { file: named.file, width: size.width, height: size.height };
  };
  for (const image of read.images) {
    const placed = await attemptLater(tell, () => place(image));
    if (placed === null) continue;
    const annotations: Annotation[] = [];
    for (const position of positions.get(image.id)!) {
      const entry = read.annotations[position]!;
      const label = labels.get(entry.category);
      if (label === undefined) continue; // of a class that is not wanted
      const { box, why } = correctBox(corners(entry.bbox), placed.width, placed.height);
      if (why !== undefined) {
        const action = box === null ? 'dropped' : 'clipped';
        report.push({
          file: placed.file,
          annotation: entry.position,
          action,
          why: `annotation id ${entry.id}: ${why}`,
        });
      }
      if (box === null) continue;
      const area =
        entry.area ?? (why === undefined ? entry.bbox[2] * entry.bbox[3] : (box[2] - box[0]) * (box[3] - box[1]));
      annotations.push({ id: entry.id, box, label, area, ignore: entry.crowd });
    }
    images.push({ id: image.id, ...placed, annotations });
  }
  await attemptLater(tell, async () => refuseIfStrict(options.strict, file, report));
  return createDataset({ name, categories, images, report, pixels: { kind: 'files', folder: imageFolder, maxPixels } });
}

const corners = ([x, y, w, h]: CocoAnnotation['bbox']): [number, number, number, number] => [
  x,
  y,
  clean(x + w),
  clean(y + h),
];

/**
 * Sums of decimal fractions without the last binary digit, so that a box that ends at the border does not overhang it.
 */
const clean = (value: number): number => (Number.isInteger(value) ? value : Number(short(value)));
