import { KdError, suggestion } from '@kd/core';
import * as v from 'valibot';
import type { DataSource, ReadDataset } from './dataset.js';
import { coco } from './read/coco.js';
import { voc } from './read/voc.js';
import { synthetic } from './synthetic/synthetic.js';

const text = v.pipe(v.string(), v.nonEmpty());
const pair = v.tuple([v.number(), v.number()]);
const common = {
  name: v.optional(text),
  strict: v.optional(v.boolean()),
  maxPixels: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
};

const FORMATS = {
  coco: { entries: { annotations: text, images: text, classes: v.optional(v.array(text)), ...common }, create: coco },
  voc: {
    entries: {
      root: v.optional(text),
      split: v.optional(text),
      sets: v.optional(v.array(v.strictObject({ root: text, split: text }))),
      classes: v.optional(v.union([v.array(text), v.literal('voc')], 'must be a list of names, or "voc"')),
      images: v.optional(text),
      annotations: v.optional(text),
      difficult: v.optional(v.picklist(['ignore', 'keep'])),
      ...common,
    },
    create: voc,
  },
  synthetic: {
    entries: {
      images: v.number(),
      size: v.optional(v.union([v.number(), pair])),
      seed: v.optional(v.number()),
      classes: v.optional(v.array(text)),
      objects: v.optional(pair),
      sizes: v.optional(pair),
      minVisible: v.optional(v.number()),
      noise: v.optional(v.number()),
      name: v.optional(text),
    },
    create: synthetic,
  },
} as const;

const formats = Object.keys(FORMATS);

/**
 * A source from plain data, as a JSON config holds it: `{ "format": "coco", "annotations": "…", "images": "…" }`.
 * The other keys are the options of {@link coco}, {@link voc} and {@link synthetic}.
 * @throws KdError CONFIG_INVALID naming the key
 */
export function dataSource(spec: unknown): DataSource {
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec))
    throw invalid('a data set', [
      `an object like { "format": "coco", … } is wanted, not ${JSON.stringify(spec) ?? String(spec)}`,
    ]);
  const { format, ...options } = spec as Record<string, unknown>;
  if (typeof format !== 'string' || !Object.hasOwn(FORMATS, format)) {
    const hint = typeof format === 'string' ? suggestion(format, formats) : '';
    throw invalid('a data set', [
      `"format" is ${JSON.stringify(format) ?? 'missing'}${hint === '' ? '' : ` (${hint})`}; the formats are ${formats.join(', ')}`,
    ]);
  }
  const { entries, create } = FORMATS[format as keyof typeof FORMATS];
  const known = Object.keys(entries);
  const unknown = Object.keys(options).filter((key) => !known.includes(key));
  if (unknown.length > 0)
    throw invalid(
      `a data set of format "${format}"`,
      unknown.map(
        (key) => `there is no option "${key}"; ${suggestion(key, known) || `the options are ${known.join(', ')}`}`,
      ),
    );
  const result = v.safeParse(v.strictObject(entries as v.ObjectEntries), options);
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
