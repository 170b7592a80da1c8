import type { Annotation, ImageRecord } from '@kd/core';
import { DEFAULT_MAX_PIXELS } from '../decode/image.js';
import { readImageSize } from '../decode/decode.js';
import { createDataset, type DataSource, type ReadDataset } from '../dataset.js';
import { correctBox, short } from './box-rule.js';
import { readCocoFile, type CocoAnnotation } from './coco-file.js';
import type { Correction } from './correction.js';
import { checkRelative, from, resolveInside } from './safe-path.js';
import { refuseIfStrict } from './strict.js';

export interface CocoOptions {
  /** Instances JSON. Relative paths start at the folder of the config. */
  readonly annotations: string;
  /** Folder that `file_name` starts from. */
  readonly images: string;
  readonly name?: string;
  /** Refuse what would be corrected. */
  readonly strict?: boolean;
  readonly maxPixels?: number;
}

/** A data set in COCO's form. Labels are contiguous in the order of the category ids. */
export function coco(options: CocoOptions): DataSource {
  const name = options.name ?? options.annotations.replace(/^.*[/\\]/, '').replace(/\.json$/, '');
  return { name, spec: { format: 'coco', ...options }, open: ({ folder }) => open(name, options, folder) };
}

async function open(name: string, options: CocoOptions, folder: string): Promise<ReadDataset> {
  const file = from(folder, options.annotations);
  const imageFolder = from(folder, options.images);
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  const read = await readCocoFile(file);
  const categories = [...read.categories].sort((a, b) => a.id - b.id);
  const labels = new Map(categories.map(({ id }, label) => [id, label]));
  const positions = new Map<number | string, number[]>(read.images.map(({ id }) => [id, []]));
  read.annotations.forEach(({ image }, position) => positions.get(image)!.push(position));

  const report: Correction[] = [];
  const images: ImageRecord[] = [];
  for (const image of read.images) {
    checkRelative(image.file, `${file}: image ${image.id}`);
    const size = image.size ?? (await readImageSize(await resolveInside(imageFolder, image.file), maxPixels));
    const annotations: Annotation[] = [];
    for (const position of positions.get(image.id)!) {
      const entry = read.annotations[position]!;
      const { box, why } = correctBox(corners(entry.bbox), size.width, size.height);
      if (why !== undefined) {
        const action = box === null ? 'dropped' : 'clipped';
        report.push({ file: image.file, annotation: position + 1, action, why: `annotation id ${entry.id}: ${why}` });
      }
      if (box === null) continue;
      const area =
        entry.area ?? (why === undefined ? entry.bbox[2] * entry.bbox[3] : (box[2] - box[0]) * (box[3] - box[1]));
      annotations.push({ id: entry.id, box, label: labels.get(entry.category)!, area, ignore: entry.crowd });
    }
    images.push({ id: image.id, file: image.file, ...size, annotations });
  }
  refuseIfStrict(options.strict, file, report);
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
