import { aboveZero, nonNegative } from '@kd/core';
import * as v from 'valibot';
import type { ReliabilityRule } from './reliability.js';
import type { Selector } from './select/index.js';

const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1e6));
const weight = v.optional(nonNegative);
const isFunction = (value: unknown): boolean => typeof value === 'function';

/** How prototypes are chosen from the sampled instances. */
const bankEntries = {
  /** K: prototypes of a class and level at the most. */
  count: v.optional(count, 10),
  /** lambda: how much an instance is asked to be described alike in both spaces. */
  similarity: v.optional(nonNegative, 10),
  /** The method's own greedy search, a baseline, or a function of the form of `selectPursuit`. */
  select: v.optional(
    v.union([
      v.picklist(['pgm', 'kmeans', 'dbscan', 'random']),
      v.custom<Selector>(isFunction, 'Expected a name or a function'),
    ]),
    'pgm',
  ),
  /** Whose features `kmeans` and `dbscan` cluster. */
  space: v.optional(v.picklist(['student', 'teacher']), 'student'),
  /** Instances that may become prototypes: those in dense places of both spaces, in sparse places of both, or all. */
  candidates: v.optional(v.picklist(['density', 'sparse', 'all']), 'density'),
  /** An instance may be chosen again. */
  allowRepeat: v.optional(v.boolean(), false),
  /** Images sampled for a class at the most. */
  maxImages: v.optional(count, 800),
  /** Both sides of a sampled instance are longer than this, in pixels of the original image. */
  minSide: v.optional(nonNegative, 30),
  /** Draw the images once for the run, or anew at every refresh. */
  resample: v.optional(v.picklist(['fixed', 'each-refresh']), 'fixed'),
  /** Epochs between refreshes (0 is once only), or steps. */
  every: v.optional(v.union([nonNegative, v.strictObject({ steps: count })]), 1),
};

export const optionsSchema = v.strictObject({
  ...bankEntries,
  /** Which boxes are described: the student's positive samples, or the ground truth. */
  instances: v.optional(v.picklist(['assigned', 'gt']), 'assigned'),
  /** Of the terms; 0 leaves one out. All 0: the weights of instances alone, for other plugins. */
  weights: v.optional(v.strictObject({ global: weight, feature: weight, response: weight }), {}),
  /** The weight of an instance from its cosines with the prototypes. */
  reliability: v.optional(v.custom<ReliabilityRule>(isFunction, 'Expected a function')),
  global: v.optional(
    v.strictObject({
      coefficients: v.optional(v.picklist(['cosine', 'pursuit']), 'cosine'),
      /** lambda of the pursuit's coefficients. */
      similarity: v.optional(nonNegative, 0),
      /** Prototypes of all classes, or of the instance's own. */
      scope: v.optional(v.picklist(['all', 'own-class']), 'all'),
      kind: v.optional(v.picklist(['smooth-l1', 'l2']), 'smooth-l1'),
    }),
    {},
  ),
  feature: v.optional(
    v.strictObject({
      foreground: v.optional(nonNegative, 1),
      background: v.optional(nonNegative, 4),
      /** From the student's channels to the teacher's, trained with the student. */
      adapter: v.optional(v.picklist(['conv3x3', 'conv3x3-relu', 'none']), 'conv3x3'),
      /** Over the levels; without it the mean of two-stage and the sum of one-stage students. */
      levels: v.optional(v.picklist(['mean', 'sum'])),
    }),
    {},
  ),
  response: v.optional(v.strictObject({ temperature: v.optional(aboveZero, 2) }), {}),
  /** Feature and global loss fade by 1 - epoch / epochs. */
  attenuation: v.optional(v.boolean(), true),
});

/** The options of the plugin as a person writes them. */
export type PrototypeInput = v.InferInput<typeof optionsSchema>;
export type PrototypeOptions = v.InferOutput<typeof optionsSchema>;

/** Of the published configuration. */
export const USUAL_WEIGHTS = { global: 5, feature: 1, response: 1 } as const;
