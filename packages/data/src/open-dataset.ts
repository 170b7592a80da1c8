import { KdError, shown, suggestion } from '@kd/core/plain';
import * as v from 'valibot';
import type { DataSource, ReadDataset } from './dataset.js';
import { coco } from './read/coco.js';
import { csv } from './read/csv.js';
import { labelme } from './read/labelme.js';
import { voc } from './read/voc.js';
import { yolo } from './read/yolo.js';
import { SOURCE_OPTIONS } from './source-options.js';
import { synthetic } from './synthetic/synthetic.js';

const FORMATS = { coco, voc, yolo, labelme, csv, synthetic } as const;

const formats = Object.keys(FORMATS);

/**
 * A source from plain data, as a JSON config holds it: `{ "format": "coco", "annotations": "…", "images": "…" }`.
 * The other keys are the options of the function of that name, such as {@link coco}.
 * @throws KdError CONFIG_INVALID naming the key
 */
export function dataSource(spec: unknown): DataSource {
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec))
    throw invalid('a data set', [`an object like { "format": "coco", … } is wanted, not ${shown(spec)}`]);
  const { format, ...options } = spec as Record<string, unknown>;
  if (typeof format !== 'string' || !Object.hasOwn(FORMATS, format)) {
    const hint = typeof format === 'string' ? suggestion(format, formats) : '';
    throw invalid('a data set', [
      `"format" is ${format === undefined ? 'missing' : shown(format)}${hint === '' ? '' : ` (${hint})`}; the formats are ${formats.join(', ')}`,
    ]);
  }
  const entries: v.ObjectEntries = SOURCE_OPTIONS[format as keyof typeof FORMATS];
  const create = FORMATS[format as keyof typeof FORMATS];
  const known = Object.keys(entries);
  const unknown = Object.keys(options).filter((key) => !known.includes(key));
  if (unknown.length > 0)
    throw invalid(
      `a data set of format "${format}"`,
      unknown.map(
        (key) => `there is no option "${key}"; ${suggestion(key, known) || `the options are ${known.join(', ')}`}`,
      ),
    );
  const result = v.safeParse(v.strictObject(entries), options);
  if (!result.success)
    throw invalid(
      `a data set of format "${format}"`,
      result.issues.map((issue) => `${v.getDotPath(issue) ?? ''}: ${issue.message}`),
    );
  return (create as (options: unknown) => DataSource)(result.output);
}

/**
 * Opens the data set that plain data describes.
 * @param folder where relative paths start, e.g. that of the config
 * @throws KdError CONFIG_INVALID, DATA_INVALID
 */
export const openDataset = async (spec: unknown, folder: string): Promise<ReadDataset> =>
  dataSource(spec).open({ folder });

const invalid = (what: string, lines: readonly string[]): KdError =>
  new KdError('CONFIG_INVALID', [`The description of ${what} is not valid:`, ...lines.map((line) => `  ${line}`)]);
