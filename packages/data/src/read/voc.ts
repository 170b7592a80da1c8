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
import { VOC_CLASSES } from './voc-classes.js';
import { readVocFile, type VocFile } from './voc-file.js';
import { type NamedSet, namedSets, setName, type VocSet } from './voc-sets.js';
import { readSplit, splitFile } from './voc-split.js';

interface Common {
  /**
   * Class names in the order of the labels, or `voc` for the 20 of the challenges; without it, the names that the split
   * holds, sorted.
   */
  readonly classes?: readonly string[] | 'voc';
  /**
   * `ignore` (default): an object marked difficult is an ignore region and no training target; `keep`: an object like
   * any other.
   */
  readonly difficult?: 'ignore' | 'keep';
  readonly name?: string;
  /** Refuse what would be corrected. */
  readonly strict?: boolean;
  readonly maxPixels?: number;
}

/** One split of one folder, or several together, e.g. the trainval of 2007 and of 2012. */
export type VocOptions = Common & (VocSet | { readonly sets: readonly VocSet[] });

/**
 * A data set in Pascal VOC's form. Category ids are 1 to K in the order of the labels; image ids are the stems of the
 * files, of several
 * `sets` with the name of their folder before it: `VOC2007/000005`.
 * @throws KdError CONFIG_INVALID where neither or both of `root` and `sets` are given
 */
export function voc(options: VocOptions): DataSource {
  const { root, split, sets } = options as Partial<VocSet> & { readonly sets?: readonly VocSet[] };
  const valid =
    sets === undefined
      ? root !== undefined && split !== undefined
      : root === undefined && split === undefined && sets.length > 0;
  if (!valid) {
    throw new KdError('CONFIG_INVALID', 'voc: give root and split, or sets: [{ root, split }, …] with at least one.');
  }
  const name = options.name ?? (sets ?? [{ root: root!, split: split! }]).map(setName).join('+');
  return {
    name,
    spec: { format: 'voc', ...options },
    open: ({ folder }) =>
      open(
        name,
        options,
        sets === undefined ? [{ root: from(folder, root!), split: split!, prefix: '' }] : namedSets(sets, folder),
      ),
  };
}

/** An annotation file that has been read, with the image that it is about. */
interface Entry {
  readonly id: string;
  /** As the data set names it. */
  readonly file: string;
  readonly folder: string;
  readonly inFolder: string;
  readonly xml: string;
  readonly read: VocFile;
}

const imagesOf = (root: string): string => join(root, 'JPEGImages');

async function open(name: string, options: VocOptions, sets: readonly NamedSet[]): Promise<ReadDataset> {
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  const entries: Entry[] = [];
  for (const set of sets) entries.push(...(await readSet(set)));
  const listed = new Map<string, Entry>();
  for (const entry of entries) {
    if (listed.has(entry.id))
      throw new KdError(
        'DATA_INVALID',
        `${name}: the image ${entry.id} is in two of the sets; take splits that have no image in common.`,
      );
    listed.set(entry.id, entry);
  }
  const classes = classNames(options.classes, entries);
  const labels = new Map(classes.map((className, label) => [className, label]));

  const report: Correction[] = [];
  const images: ImageRecord[] = [];
  let id = 0;
  for (const { id: imageId, xml, file, folder, inFolder, read } of entries) {
    if (read.filename !== null && read.filename !== posix.basename(file))
      report.push({
        file,
        annotation: null,
        action: 'noted',
        why: `<filename> says "${read.filename}"; the image goes by the name of the XML file`,
      });
    const size = read.size ?? (await readImageSize(await resolveInside(folder, inFolder), maxPixels));
    const annotations: Annotation[] = [];
    read.objects.forEach((object, i) => {
      const label = labels.get(object.name) ?? unknownClass(object.name, classes, `${xml}: object ${i + 1}, <name>`);
      const { box, why } =
        object.swapped !== null ? { box: null, why: object.swapped } : correctBox(object.box, size.width, size.height);
      id++;
      if (why !== undefined)
        report.push({
          file,
          annotation: i + 1,
          action: box === null ? 'dropped' : 'clipped',
          why: `${object.name}: ${why}`,
        });
      if (box !== null)
        annotations.push({
          id,
          box,
          label,
          area: (box[2] - box[0]) * (box[3] - box[1]),
          ignore: object.difficult && options.difficult !== 'keep',
        });
    });
    images.push({ id: imageId, file, ...size, annotations });
  }
  refuseIfStrict(options.strict, sets.map(({ root, split }) => splitFile(root, split)).join(', '), report);
  const categories = classes.map((className, label) => ({ id: label + 1, name: className }));
  const single = sets.find(({ prefix }) => prefix === '');
  const pixels =
    single === undefined
      ? {
          kind: 'folders' as const,
          folders: Object.fromEntries(sets.map(({ prefix, root }) => [prefix.slice(0, -1), imagesOf(root)])),
          maxPixels,
        }
      : { kind: 'files' as const, folder: imagesOf(single.root), maxPixels };
  return createDataset({ name, categories, images, report, pixels });
}

async function readSet({ root, split, prefix }: NamedSet): Promise<Entry[]> {
  const folder = imagesOf(root);
  const listing: Listing = new Map();
  const entries: Entry[] = [];
  for (const { stem, where } of await readSplit(root, split)) {
    checkRelative(stem, where);
    const xml = join(root, 'Annotations', `${stem}.xml`);
    const read = readVocFile(await annotationBytes(root, stem, xml, where), xml);
    const inFolder = await imageOf(stem, folder, read.filename, listing, xml);
    entries.push({ id: prefix + stem, file: prefix + inFolder, folder, inFolder, xml, read });
  }
  return entries;
}

async function annotationBytes(root: string, stem: string, xml: string, where: string): Promise<Buffer> {
  try {
    return await readFile(await resolveInside(join(root, 'Annotations'), `${stem}.xml`));
  } catch (cause) {
    const missing = cause instanceof Error && (cause.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
    throw new KdError(
      'DATA_INVALID',
      missing
        ? `${where}: there is no annotation file ${xml}; add it or take "${stem}" out of the split.`
        : messageOf(cause),
      { cause },
    );
  }
}

/** Per sub folder: the files of each stem. */
type Listing = Map<string, ReadonlyMap<string, readonly string[]>>;

/** The file with that stem in the image folder; among several the one that <filename> names. */
async function imageOf(
  stem: string,
  folder: string,
  filename: string | null,
  listing: Listing,
  xml: string,
): Promise<string> {
  const sub = posix.dirname(stem);
  if (!listing.has(sub)) listing.set(sub, await filesByStem(join(folder, sub)));
  const found = listing.get(sub)!.get(posix.basename(stem)) ?? [];
  const chosen = found.length > 1 ? found.find((name) => name === filename) : found[0];
  if (chosen === undefined) {
    const why =
      found.length > 1
        ? `the images ${found.join(', ')} all have that stem`
        : `there is no image ${stem}.* in ${folder}`;
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

function classNames(given: VocOptions['classes'], files: readonly { readonly read: VocFile }[]): readonly string[] {
  if (given === 'voc') return VOC_CLASSES;
  if (given === undefined)
    return [...new Set(files.flatMap(({ read }) => read.objects.map(({ name }) => name)))].sort();
  const twice = given.find((name, i) => given.indexOf(name) !== i);
  if (twice !== undefined)
    throw new KdError('CONFIG_INVALID', `classes: "${twice}" is listed twice; class names must differ.`);
  return given;
}

function unknownClass(name: string, classes: readonly string[], where: string): never {
  const hint = suggestion(name, classes);
  throw new KdError(
    'DATA_INVALID',
    `${where}: the class "${name}" is unknown${hint === '' ? '' : ` (${hint})`}; the classes are ${classes.join(', ')}.`,
  );
}
