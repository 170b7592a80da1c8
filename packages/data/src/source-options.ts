import * as v from 'valibot';

const text = v.pipe(v.string(), v.nonEmpty());
const common = {
  name: v.optional(text),
  strict: v.optional(v.boolean()),
  maxPixels: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
};

/** A path, or a list of them. */
const oneOrMore = v.union(
  [text, v.pipe(v.array(text), v.minLength(1, 'must name at least one'))],
  'must be a path, or a list of them',
);

const pair = v.tuple([v.number(), v.number()]);

/** Options of the sources, for the functions and for configs alike. */
export const SOURCE_OPTIONS = {
  coco: { annotations: oneOrMore, images: oneOrMore, classes: v.optional(v.array(text)), ...common },
  voc: {
    root: v.optional(text),
    split: v.optional(text),
    sets: v.optional(v.array(v.strictObject({ root: text, split: text }))),
    classes: v.optional(v.union([v.array(text), v.literal('voc')], 'must be a list of names, or "voc"')),
    images: v.optional(text),
    annotations: v.optional(text),
    difficult: v.optional(v.picklist(['ignore', 'keep'])),
    ...common,
  },
  yolo: { data: text, split: text, classes: v.optional(v.array(text)), ...common },
  labelme: { folder: text, classes: v.optional(v.array(text)), ...common },
  csv: {
    annotations: text,
    images: v.optional(text),
    classes: v.optional(v.union([v.array(text), text], 'must be a list of names, or a file with them')),
    ...common,
  },
  synthetic: {
    images: v.number(),
    size: v.optional(v.union([v.number(), pair], 'must be a number of pixels, or [height, width]')),
    seed: v.optional(v.number()),
    classes: v.optional(v.array(text)),
    objects: v.optional(pair),
    sizes: v.optional(pair),
    minVisible: v.optional(v.number()),
    noise: v.optional(v.number()),
    name: v.optional(text),
  },
} as const;
