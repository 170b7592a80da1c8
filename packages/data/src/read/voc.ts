import { join, posix } from 'node:path';
import { KdError, messageOf, parseOptions, readRegularFile, type Annotation, type ImageRecord } from '@kd/core/plain';
import * as v from 'valibot';
import { createDataset, type DataSource, type ReadDataset } from '../dataset.js';
import { DEFAULT_MAX_PIXELS } from '../decode/image.js';
import { SOURCE_OPTIONS } from '../source-options.js';
import { areaOf, correctBox, noted } from './box-rule.js';
import type { Correction } from './correction.js';
import { attempt, attemptLater, gatherFaults, type TellFault } from './faults.js';
import { sizeOfPicture } from './picture-size.js';
import { from, resolveInside } from './safe-path.js';
import { classNames, labelsOf, numbered } from './class-names.js';
import { refuseIfStrict } from './strict.js';
import { VOC_CLASSES } from './voc-classes.js';
import { readVocFile, type VocFile } from './voc-file.js';
import { vocFolder, type VocFolderNames } from './voc-folder.js';
import { lastPart, type Listing, pictureOf } from './voc-picture.js';
import { type NamedSet, namedSets, setName, type VocSet } from './voc-sets.js';
import { readSplit, splitFile } from './voc-split.js';

const schema = v.strictObject(SOURCE_OPTIONS.voc);

interface Common extends VocFolderNames {
  /**
   * Class names in the order of the labels, or `voc` for the 20 of the challenges; without it, those of the training
   * data for validation, else the names that the split holds, sorted.
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
export function voc(given: VocOptions): DataSource {
  const options = parseOptions(schema, given, 'voc') as VocOptions;
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
    spec: {
      format: 'voc',
      name,
      difficult: 'ignore',
      strict: false,
      maxPixels: DEFAULT_MAX_PIXELS,
      ...options,
    },
    open: ({ folder, classes: wanted, tell: taker }) =>
      gatherFaults(name, taker, (tell) =>
        open(
          name,
          options,
          sets === undefined ? [{ root: from(folder, root!), split: split!, prefix: '' }] : namedSets(sets, folder),
          wanted,
          tell,
        ),
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

async function open(
  name: string,
  options: VocOptions,
  sets: readonly NamedSet[],
  wanted: readonly string[] | undefined,
  tell: TellFault,
): Promise<ReadDataset> {
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  const report: Correction[] = [];
  const entries: Entry[] = [];
  for (const set of sets) entries.push(...(await readSet(set, options, report, tell)));
  const listed = new Set<string>();
  for (const { id } of entries) {
    if (listed.has(id))
      throw new KdError(
        'DATA_INVALID',
        `${name}: the image ${id} is in two of the sets; take splits that have no image in common.`,
      );
    listed.add(id);
  }
  const held = entries.flatMap(({ read }) => read.objects.flatMap((object) => object?.name ?? []));
  const classes = options.classes === 'voc' ? VOC_CLASSES : classNames(options.classes, wanted, held);
  const labelOf = labelsOf(classes, tell);

  const images: ImageRecord[] = [];
  let id = 0;
  for (const { id: imageId, xml, file, folder, inFolder, read } of entries) {
    const named = read.filename === null ? null : lastPart(read.filename);
    const note = (why: string): void => void report.push({ file, annotation: null, action: 'noted', why });
    if (named !== null && named !== posix.basename(file))
      note(`<filename> says "${read.filename}"; the image goes by the name of the XML file`);
    const question = { maxPixels, noSize: read.noSize, where: xml };
    const size = read.size ?? (await attemptLater(tell, () => sizeOfPicture(folder, inFolder, question, note)));
    if (size === null) continue;
    const { width, height } = size;
    const annotations: Annotation[] = [];
    read.objects.forEach((object, i) => {
      if (object === null) return;
      const label = labelOf(object.name, `${xml}: object ${i + 1}, <name>`);
      if (label === null) return;
      const corrected =
        object.swapped !== null ? { box: null, why: object.swapped } : correctBox(object.box, width, height);
      const box = noted(report, { file, annotation: i + 1 }, object.name, corrected);
      id++;
      const ignore = object.difficult && options.difficult !== 'keep';
      if (box !== null) annotations.push({ id, box, label, area: areaOf(box), ignore });
    });
    images.push({ id: imageId, file, width, height, annotations });
  }
  const lists = sets.map(({ root, split }) => splitFile(root, split)).join(', ');
  attempt(tell, () => refuseIfStrict(options.strict, lists, report));
  const categories = numbered(classes);
  const single = sets.find(({ prefix }) => prefix === '');
  const imagesOf = (root: string): string => vocFolder(root, options).images;
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

async function readSet(
  { root, split, prefix }: NamedSet,
  names: VocFolderNames,
  report: Correction[],
  tell: TellFault,
): Promise<Entry[]> {
  const folder = vocFolder(root, names);
  const listing: Listing = new Map();
  const entries: Entry[] = [];
  for (const { stem, where } of await readSplit(folder, split, report, tell)) {
    const xml = join(folder.annotations, `${stem}.xml`);
    const entry = await attemptLater(tell, async () => {
      const read = readVocFile(await annotationBytes(folder.annotations, stem, xml, where), xml, tell);
      const inFolder = await pictureOf(stem, folder.images, read.filename, listing, xml);
      return { id: prefix + stem, file: prefix + inFolder, folder: folder.images, inFolder, xml, read };
    });
    if (entry !== null) entries.push(entry);
  }
  return entries;
}

async function annotationBytes(folder: string, stem: string, xml: string, where: string): Promise<Buffer> {
  try {
    return await readRegularFile(await resolveInside(folder, `${stem}.xml`));
  } catch (cause) {
    throw new KdError('DATA_INVALID', `${where}: ${xml} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
