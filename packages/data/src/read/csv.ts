import { dirname, posix } from 'node:path';
import { type Category, KdError, parseOptions } from '@kd/core/plain';
import * as v from 'valibot';
import type { DataSource, OpenContext, ReadDataset } from '../dataset.js';
import { DEFAULT_MAX_PIXELS } from '../decode/image.js';
import { SOURCE_OPTIONS } from '../source-options.js';
import { assemble, type Described, type DescribedObject } from './assemble.js';
import type { Box } from './box-rule.js';
import { classNames, labelsOf, numbered } from './class-names.js';
import { type Correction, repeatedRow } from './correction.js';
import { readClassFile } from './csv-classes.js';
import { type CsvTable, csvColumns } from './csv-columns.js';
import { readCsv } from './csv-file.js';
import { type CsvObject, readCsvRow } from './csv-row.js';
import { attemptLater, gatherFaults, type TellFault } from './faults.js';
import { type ImageName, imageName } from './image-name.js';
import { from } from './safe-path.js';

const schema = v.strictObject(SOURCE_OPTIONS.csv);

export interface CsvOptions {
  /** Rows `file,x1,y1,x2,y2,class`, with or without a header. Relative paths start at the folder of the config. */
  readonly annotations: string;
  /** Folder that the files of the rows start from; default: that of the table. */
  readonly images?: string;
  /**
   * Class names in the order of the labels, or a file with them: a JSON list, or rows `name,id`. Without it, those of
   * the training data for validation, else the names that the table holds, sorted.
   */
  readonly classes?: readonly string[] | string;
  readonly name?: string;
  /** Refuse what would be corrected. */
  readonly strict?: boolean;
  readonly maxPixels?: number;
}

/**
 * Boxes in a table: corners in pixels, 0-based and continuous. A row without corners and class is a picture without
 * objects. Image ids are the paths of the pictures below their folder.
 */
export function csv(given: CsvOptions): DataSource {
  const options = parseOptions(schema, given, 'csv') as CsvOptions;
  const name = options.name ?? options.annotations.replace(/^.*[/\\]/, '').replace(/\.csv$/i, '');
  return {
    name,
    spec: { format: 'csv', name, strict: false, maxPixels: DEFAULT_MAX_PIXELS, ...options },
    open: (context) => gatherFaults(name, context.tell, (tell) => open(name, options, context, tell)),
  };
}

async function open(name: string, options: CsvOptions, context: OpenContext, tell: TellFault): Promise<ReadDataset> {
  const file = from(context.folder, options.annotations);
  const folder = options.images === undefined ? dirname(file) : from(context.folder, options.images);
  const table = csvColumns(await readCsv(file), file);
  const report: Correction[] = [];
  const note = (about: string, why: string): void =>
    void report.push({ file: about, annotation: null, action: 'noted', why });
  if (table.unread.length > 0) note(posix.basename(file), `columns that are not read: ${table.unread.join(', ')}`);
  const pictures = await byPicture(table, { file, folder, note, tell });
  for (const { name: picture, repeats } of pictures.values())
    for (const repeat of repeats) report.push(repeatedRow(picture, repeat));
  const categories = await categoriesOf(options, context, pictures.values());
  const labelOf = labelsOf(
    categories.map((one) => one.name),
    tell,
  );
  const described = [...pictures.values()].map(
    ({ name: picture, line, size, objects }): Described => ({
      file: picture,
      size,
      where: `${file}, line ${line}`,
      objects: objects.flatMap(({ line: row, box, className }): DescribedObject[] => {
        const label = labelOf(className, `${file}, line ${row}`);
        return label === null ? [] : [{ annotation: row, label, box: (): Box => box }];
      }),
    }),
  );
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  return assemble(
    { name, folder, categories, pictures: described, maxPixels, strict: options.strict, file, report },
    tell,
  );
}

interface Picture {
  readonly name: string;
  /** Of its first row. */
  readonly line: number;
  readonly size: { readonly width: number; readonly height: number } | null;
  readonly objects: CsvObject[];
  readonly repeats: { readonly line: number; readonly first: number }[];
}

interface Place {
  readonly file: string;
  readonly folder: string;
  note(about: string, why: string): void;
  readonly tell: TellFault;
}

/** The rows of each picture, in the order of the first ones. */
async function byPicture(table: CsvTable, { file, folder, note, tell }: Place): Promise<ReadonlyMap<string, Picture>> {
  const pictures = new Map<string, Picture>();
  const names = new Map<string, ImageName>();
  const seen = new Map<string, number>();
  for (const row of table.rows) {
    await attemptLater(tell, async () => {
      const where = `${file}, line ${row.line}`;
      const read = readCsvRow(row, table, where);
      let named = names.get(read.file);
      if (named === undefined) {
        named = await imageName(read.file, folder, where);
        names.set(read.file, named);
        if (named.why !== undefined) note(named.file, named.why);
      }
      const key = posix.normalize(named.file);
      const picture = pictures.get(key) ?? { name: key, line: row.line, size: read.size, objects: [], repeats: [] };
      pictures.set(key, picture);
      if (picture.size?.width !== read.size?.width || picture.size?.height !== read.size?.height)
        throw new KdError(
          'DATA_INVALID',
          `${where}: the size of ${key} is ${told(read.size)}, and ${told(picture.size)} in line ${picture.line}.`,
        );
      if (read.object === null) return;
      const content = JSON.stringify([key, read.object.className, ...read.object.box]);
      const first = seen.get(content);
      if (first === undefined) picture.objects.push(read.object);
      else picture.repeats.push({ line: row.line, first });
      seen.set(content, first ?? row.line);
    });
  }
  return pictures;
}

const told = (size: Picture['size']): string => (size === null ? 'not told' : `${size.width}x${size.height}`);

async function categoriesOf(
  { classes }: CsvOptions,
  context: OpenContext,
  pictures: Iterable<Picture>,
): Promise<readonly Category[]> {
  if (typeof classes === 'string') return readClassFile(from(context.folder, classes));
  const held = [...pictures].flatMap(({ objects }) => objects.map(({ className }) => className));
  return numbered(classNames(classes, context.classes, held));
}
