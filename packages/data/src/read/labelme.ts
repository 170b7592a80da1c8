import { join, posix } from 'node:path';
import { KdError, parseOptions } from '@kd/core/plain';
import * as v from 'valibot';
import type { DataSource, OpenContext, ReadDataset } from '../dataset.js';
import { DEFAULT_MAX_PIXELS } from '../decode/image.js';
import { SOURCE_OPTIONS } from '../source-options.js';
import { assemble, type Described, type DescribedObject } from './assemble.js';
import { type Box, cleaned } from './box-rule.js';
import { classNames, labelsOf, numbered } from './class-names.js';
import type { Correction } from './correction.js';
import { gatherFaults, type TellFault } from './faults.js';
import { inLanes } from './lanes.js';
import { type LabelmeFile, readLabelmeFile } from './labelme-file.js';
import { pathInside } from './path-inside.js';
import { from, resolveInside } from './safe-path.js';
import { isPicture, walk } from './walk.js';

const schema = v.strictObject(SOURCE_OPTIONS.labelme);

export interface LabelmeOptions {
  /** Where pictures and JSON files lie, in subfolders, too. Relative paths start at the folder of the config. */
  readonly folder: string;
  /**
   * Class names in the order of the labels; without it, those of the training data for validation, else the names that
   * the files hold, sorted.
   */
  readonly classes?: readonly string[];
  readonly name?: string;
  /** Refuse what would be corrected. */
  readonly strict?: boolean;
  readonly maxPixels?: number;
}

/**
 * A folder of LabelMe: a JSON file for each picture; one without is a picture without objects. Category ids are 1 to K
 * in the order of the labels; image ids are the paths of the pictures below the folder.
 */
export function labelme(given: LabelmeOptions): DataSource {
  const options = parseOptions(schema, given, 'labelme') as LabelmeOptions;
  const name = options.name ?? (options.folder.replace(/[/\\]+$/, '').replace(/^.*[/\\]/, '') || 'labelme');
  return {
    name,
    spec: { format: 'labelme', name, strict: false, maxPixels: DEFAULT_MAX_PIXELS, ...options },
    open: (context) => gatherFaults(name, context.tell, (tell) => open(name, options, context, tell)),
  };
}

interface ReadFile extends LabelmeFile {
  /** Below the folder. */
  readonly json: string;
  readonly picture: string;
  readonly why: string | undefined;
}

async function open(
  name: string,
  options: LabelmeOptions,
  context: OpenContext,
  tell: TellFault,
): Promise<ReadDataset> {
  const folder = from(context.folder, options.folder);
  const report: Correction[] = [];
  const note = (file: string, why: string): void => void report.push({ file, annotation: null, action: 'noted', why });
  const files = await walk(folder, '', (link) => note(link, 'the link to a folder is not followed'));
  const jsons = files.filter((file) => /\.json$/i.test(file));
  if (jsons.length === 0)
    throw new KdError('DATA_INVALID', `${folder}: there is no JSON file in it; LabelMe writes one for each picture.`);
  const read = await inLanes(jsons, tell, (json, take) => readOne(folder, json, take));

  const owners = new Map<string, ReadFile>();
  for (const one of read) {
    if (one === null) continue;
    const other = owners.get(one.picture);
    if (other === undefined) owners.set(one.picture, one);
    else
      tell(
        new KdError(
          'DATA_INVALID',
          `${join(folder, one.json)}: ${other.json} is about the picture ${one.picture}, too; leave one.`,
        ),
      );
    if (one.why !== undefined) note(one.picture, one.why);
  }
  const held = [...owners.values()].flatMap(({ shapes }) => shapes.flatMap((shape) => shape?.label ?? []));
  const classes = classNames(options.classes, context.classes, held);
  const labelOf = labelsOf(classes, tell);
  // A JSON that could not be read may be that of a picture: then it is no negative, and the fault was told.
  const pictures = [...new Set([...files.filter(isPicture), ...owners.keys()])].sort((a, b) => (a < b ? -1 : 1));
  const described = pictures.map((file): Described => {
    const one = owners.get(file);
    if (one === undefined) return { file, size: null, where: '', objects: [] };
    const where = join(folder, one.json);
    const objects = one.shapes.flatMap((shape, i): DescribedObject[] => {
      if (shape === null) return [];
      const label = labelOf(shape.label, `${where}: shape ${i + 1}, "label"`);
      if (label === null) return [];
      return [{ annotation: i + 1, label, box: 'dropped' in shape.box ? shape.box : constant(shape.box) }];
    });
    return { file, size: one.size, where, objects };
  });
  const categories = numbered(classes);
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  return assemble(
    { name, folder, categories, pictures: described, maxPixels, strict: options.strict, file: folder, report },
    tell,
  );
}

const constant = (box: Box) => {
  const tidy = box.map(cleaned) as unknown as Box;
  return (): Box => tidy;
};

async function readOne(folder: string, json: string, tell: TellFault): Promise<ReadFile> {
  const where = join(folder, json);
  await resolveInside(folder, json);
  const read = await readLabelmeFile(where, tell);
  const { path, why } = await pathInside(read.imagePath, {
    folder,
    base: posix.dirname(json),
    where: `${where}: "imagePath"`,
  });
  return { ...read, json, picture: path, why };
}
