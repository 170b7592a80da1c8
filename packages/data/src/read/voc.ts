import { readdir, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { KdError, messageOf, suggestion, type Annotation, type ImageRecord } from '@kd/core';
import { createDataset, type DataSource, type ReadDataset } from '../dataset.js';
import { readImageSize } from '../decode/decode.js';
import { DEFAULT_MAX_PIXELS } from '../decode/image.js';
import { correctBox } from './box-rule.js';
import type { Correction } from './correction.js';
import { checkRelative, from, resolveInside } from './safe-path.js';
import { refuseIfStrict } from './strict.js';
import { readVocFile, type VocFile } from './voc-file.js';
import { readSplit } from './voc-split.js';

export interface VocOptions {
  /** Folder with `Annotations`, `ImageSets/Main` and `JPEGImages`. Relative paths start at the folder of the config. */
  readonly root: string;
  /** Name of a list in `ImageSets/Main`, without `.txt`. */
  readonly split: string;
  /** Class names in the order of the labels; without it, the names that the split holds, sorted. */
  readonly classes?: readonly string[];
  /** `ignore` (default): an object marked difficult is an ignore region and no training target; `keep`: an object like any other. */
  readonly difficult?: 'ignore' | 'keep';
  readonly name?: string;
  /** Refuse what would be corrected. */
  readonly strict?: boolean;
  readonly maxPixels?: number;
}

/** A data set in Pascal VOC's form. Category ids are 1 to K in the order of the labels; image ids are the stems of the files. */
export function voc(options: VocOptions): DataSource {
  const name = options.name ?? `${options.root.replace(/[/\\]+$/, '').replace(/^.*[/\\]/, '')}-${options.split}`;
  return { name, spec: { format: 'voc', ...options }, open: ({ folder }) => open(name, options, folder) };
}

async function open(name: string, options: VocOptions, folder: string): Promise<ReadDataset> {
  const root = from(folder, options.root);
  const imageFolder = join(root, 'JPEGImages');
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  const split = await readSplit(root, options.split);
  const files: { stem: string; xml: string; file: string; read: VocFile }[] = [];
  const listing: Listing = new Map();
  for (const { stem, where } of split) {
    checkRelative(stem, where);
    const xml = join(root, 'Annotations', `${stem}.xml`);
    const read = readVocFile(await annotationBytes(root, stem, xml, where), xml);
    files.push({ stem, xml, read, file: await imageOf(stem, imageFolder, read.filename, listing, xml) });
  }
  const classes = classNames(options.classes, files);
  const labels = new Map(classes.map((className, label) => [className, label]));

  const report: Correction[] = [];
  const images: ImageRecord[] = [];
  let id = 0;
  for (const { stem, xml, file, read } of files) {
    if (read.filename !== null && read.filename !== posix.basename(file)) report.push({ file, annotation: null, action: 'noted', why: `<filename> says "${read.filename}"; the image goes by the name of the XML file` });
    const size = read.size ?? (await readImageSize(await resolveInside(imageFolder, file), maxPixels));
    const annotations: Annotation[] = [];
    read.objects.forEach((object, i) => {
      const label = labels.get(object.name) ?? unknownClass(object.name, classes, `${xml}: object ${i + 1}, <name>`);
      const { box, why } = object.swapped !== null ? { box: null, why: object.swapped } : correctBox(object.box, size.width, size.height);
      id++;
      if (why !== undefined) report.push({ file, annotation: i + 1, action: box === null ? 'dropped' : 'clipped', why: `${object.name}: ${why}` });
      if (box !== null) annotations.push({ id, box, label, area: (box[2] - box[0]) * (box[3] - box[1]), ignore: object.difficult && options.difficult !== 'keep' });
    });
    images.push({ id: stem, file, ...size, annotations });
  }
  refuseIfStrict(options.strict, join(root, 'ImageSets', 'Main', `${options.split}.txt`), report);
  const categories = classes.map((className, label) => ({ id: label + 1, name: className }));
  return createDataset({ name, categories, images, report, pixels: { kind: 'files', folder: imageFolder, maxPixels } });
}

async function annotationBytes(root: string, stem: string, xml: string, where: string): Promise<Buffer> {
  try {
    return await readFile(await resolveInside(join(root, 'Annotations'), `${stem}.xml`));
  } catch (cause) {
    const missing = cause instanceof Error && (cause.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
    throw new KdError('DATA_INVALID', missing ? `${where}: there is no annotation file ${xml}; add it or take "${stem}" out of the split.` : messageOf(cause), { cause });
  }
}

/** Per sub folder: the files of each stem. */
type Listing = Map<string, ReadonlyMap<string, readonly string[]>>;

/** The file with that stem in the image folder; among several the one that <filename> names. */
async function imageOf(stem: string, folder: string, filename: string | null, listing: Listing, xml: string): Promise<string> {
  const sub = posix.dirname(stem);
  if (!listing.has(sub)) listing.set(sub, await filesByStem(join(folder, sub)));
  const found = listing.get(sub)!.get(posix.basename(stem)) ?? [];
  const chosen = found.length > 1 ? found.find((name) => name === filename) : found[0];
  if (chosen === undefined) {
    const why = found.length > 1 ? `the images ${found.join(', ')} all have that stem` : `there is no image ${stem}.* in ${folder}`;
    throw new KdError('DATA_INVALID', `${xml}: ${why}; one image per annotation file is wanted.`);
  }
  return posix.join(sub, chosen);
}

async function filesByStem(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const stems = new Map<string, string[]>();
  for (const name of (await readdir(folder).catch(() => [])).sort()) {
    const stem = name.replace(/\.[^.]*$/, '');
    stems.set(stem, [...(stems.get(stem) ?? []), name]);
  }
  return stems;
}

function classNames(given: readonly string[] | undefined, files: readonly { readonly read: VocFile }[]): readonly string[] {
  if (given === undefined) return [...new Set(files.flatMap(({ read }) => read.objects.map(({ name }) => name)))].sort();
  const twice = given.find((name, i) => given.indexOf(name) !== i);
  if (twice !== undefined) throw new KdError('CONFIG_INVALID', `classes: "${twice}" is listed twice; class names must differ.`);
  return given;
}

function unknownClass(name: string, classes: readonly string[], where: string): never {
  const hint = suggestion(name, classes);
  throw new KdError('DATA_INVALID', `${where}: the class "${name}" is unknown${hint === '' ? '' : ` (${hint})`}; the classes are ${classes.join(', ')}.`);
}
