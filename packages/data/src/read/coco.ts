import { type Category, type ImageRecord, KdError, parseOptions } from '@kd/core/plain';
import * as v from 'valibot';
import { DEFAULT_MAX_PIXELS } from '../decode/image.js';
import { createDataset, type DataSource, type OpenContext, type ReadDataset } from '../dataset.js';
import { areaOf, cleaned, correctBox, noted } from './box-rule.js';
import type { CocoAnnotation } from './coco-annotations.js';
import { type CocoFile, type CocoImage, readCocoFile } from './coco-file.js';
import { jointIds, jointNumbers, lackingCategories, mergeCategories } from './coco-merge.js';
import { type CocoPart, cocoParts, listOf } from './coco-parts.js';
import type { Correction } from './correction.js';
import { attemptLater, gatherFaults, type TellFault } from './faults.js';
import { imageName } from './image-name.js';
import { leanRecord } from './lean-record.js';
import { sizeOfPicture } from './picture-size.js';
import { realPictures } from './real-picture.js';
import type { PixelSource } from '../pixel-source.js';
import { SOURCE_OPTIONS } from '../source-options.js';
import { refuseIfStrict } from './strict.js';

const schema = v.strictObject(SOURCE_OPTIONS.coco);

export interface CocoOptions {
  /** Instances JSON, or several as one set. Relative paths start at the folder of the config. */
  readonly annotations: string | readonly string[];
  /** Folder that `file_name` starts from; of several files one for all, or one for each in their order. */
  readonly images: string | readonly string[];
  /** Some of the categories by name, in the order of the labels; boxes of others are left out. Default: all, by id. */
  readonly classes?: readonly string[];
  readonly name?: string;
  /** Refuse what would be corrected. */
  readonly strict?: boolean;
  readonly maxPixels?: number;
}

/**
 * A data set in COCO's form. Labels are contiguous in the order of the category ids, or of `classes`.
 *
 * Several files are one set: their categories match by name, ids of images and annotations that clash are counted anew,
 * and a picture may be in one of them only. Image folders that differ stand before the names of their images.
 */
export function coco(given: CocoOptions): DataSource {
  const options = parseOptions(schema, given, 'coco') as CocoOptions;
  const name = options.name ?? listOf(options.annotations).map(stemOf).join('+');
  return {
    name,
    spec: { format: 'coco', name, strict: false, maxPixels: DEFAULT_MAX_PIXELS, ...options },
    open: (context) => gatherFaults(name, context.tell, (tell) => open(name, options, context, tell)),
  };
}

const stemOf = (file: string): string => file.replace(/^.*[/\\]/, '').replace(/\.json$/, '');

async function open(
  name: string,
  options: CocoOptions,
  { folder, classes: wanted }: OpenContext,
  tell: TellFault,
): Promise<ReadDataset> {
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  const parts: ReadPart[] = [];
  for (const part of cocoParts(options.annotations, options.images, folder))
    parts.push({ ...part, ...(await readCocoFile(part.file, tell)) });
  const categories = mergeCategories(parts, options.classes, wanted);
  const report: Correction[] = [...(parts.length === 1 ? [] : lackingCategories(parts, categories))];
  const imageIds = jointIds(parts.map(({ images }) => images.map(({ id }) => id)));
  const annotationIds = parts.length === 1 ? null : jointNumbers(parts.map((part) => part.annotationIds()));
  const owners = new Map<string, { readonly annotations: string; readonly name: string }>();
  const images: ImageRecord[] = [];
  for (const [i, part] of parts.entries()) {
    const realOf = realPictures(part.folder);
    const labels = labelsOf(part, categories);
    for (const [place, image] of part.images.entries()) {
      const placed = await attemptLater(tell, async () => {
        const found = await placeImage(image, part, maxPixels, report);
        if (parts.length === 1) return found;
        const picture = await realOf(found.file);
        const owner = owners.get(picture);
        if (owner === undefined) owners.set(picture, { annotations: part.file, name: found.file });
        else if (owner.annotations !== part.file)
          throw new KdError(
            'DATA_INVALID',
            `${part.file}: image ${image.id}: the picture ${found.file} is in ${owner.annotations}, too${owner.name === found.file ? '' : `, as ${owner.name}`}; leave it in one of the two.`,
          );
        return found;
      });
      if (placed === null) continue;
      const file = part.prefix + placed.file;
      part.settle(place, (entry) => {
        const label = labels.get(entry.category);
        if (label === undefined) return null; // of a class that is not wanted
        const corrected = correctBox(corners(entry.bbox), placed.width, placed.height);
        const box = noted(report, { file, annotation: entry.position }, `annotation id ${entry.id}`, corrected);
        if (box === null) return null;
        const area = entry.area ?? (corrected.why === undefined ? entry.bbox[2] * entry.bbox[3] : areaOf(box));
        return { id: annotationIds?.(i, entry.id) ?? entry.id, box, label, area, ignore: entry.crowd };
      });
      images.push(leanRecord({ ...placed, file, id: imageIds(i, image.id) }, place, part.annotationsOf));
    }
  }
  const files = parts.map(({ file }) => file).join(', ');
  await attemptLater(tell, async () => refuseIfStrict(options.strict, files, report));
  return createDataset({ name, categories, images, report, pixels: pixelsOf(parts, maxPixels) });
}

/** An annotations file of the set that has been read. */
interface ReadPart extends CocoPart, CocoFile {}

/** Category ids of the file to labels of the set. */
function labelsOf(part: ReadPart, chosen: readonly Category[]): ReadonlyMap<number, number> {
  const labels = new Map(chosen.map(({ name }, label) => [name, label]));
  return new Map(
    part.categories.flatMap(({ id, name }) => {
      const label = labels.get(name);
      return label === undefined ? [] : [[id, label] as const];
    }),
  );
}

async function placeImage(
  image: CocoImage,
  { file: annotations, folder, prefix }: CocoPart,
  maxPixels: number,
  report: Correction[],
): Promise<{ readonly file: string; readonly width: number; readonly height: number }> {
  const where = `${annotations}: image ${image.id}`;
  const { file, why } = await imageName(image.file, folder, where);
  const note = (why: string): void => void report.push({ file: prefix + file, annotation: null, action: 'noted', why });
  if (why !== undefined) note(why);
  const question = { maxPixels, noSize: image.noSize, where };
  const { width, height } = image.size ?? (await sizeOfPicture(folder, file, question, note));
  return { file, width, height };
}

function pixelsOf(parts: readonly CocoPart[], maxPixels: number): PixelSource {
  if (parts[0]!.prefix === '') return { kind: 'files', folder: parts[0]!.folder, maxPixels };
  const folders = Object.fromEntries(parts.map(({ prefix, folder }) => [prefix.slice(0, -1), folder]));
  return { kind: 'folders', folders, maxPixels };
}

/** A box that ends at the border does not overhang it by a binary digit. */
const corners = ([x, y, w, h]: CocoAnnotation['bbox']): [number, number, number, number] => [
  x,
  y,
  cleaned(x + w),
  cleaned(y + h),
];
