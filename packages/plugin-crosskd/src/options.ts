import { aboveZero, nonNegative, pairedTaps } from '@kd/core';
import * as v from 'valibot';

const blocks = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1e6)));
const weight = v.optional(nonNegative);

/** What the option `neck` is without a word. */
export const NECK = 'neck@*';

export const optionsSchema = v.strictObject({
  /**
   * Finished blocks of the student's towers: the rest is the teacher's. Without it 3, of a student that predicts
   * distances 2; at most the depth of the shallower head. Of second stages blocks of the box head: without it 0, the
   * pooled features.
   */
  i: blocks,
  /** Where the feature is read: behind the ReLU of block i, or before it. */
  tap: v.optional(v.picklist(['post', 'pre']), 'post'),
  /** Factors of the terms; without them those of the reference for the kind of boxes. */
  weights: v.optional(v.strictObject({ cls: weight, reg: weight, ctr: weight, rpnCls: weight, rpnReg: weight }), {}),
  /** Exponent of the gap in the classification term. */
  beta: v.optional(nonNegative, 1),
  /** Softens the box distributions; of second stages the class distributions. Without it 1, of second stages 3. */
  temperature: v.optional(aboveZero),
  /** Give the student's feature the teacher's statistics. Without it true, of second stages false. */
  align: v.optional(v.boolean()),
  /** `conv1x1`: a trained 1x1 convolution a branch, from the student's channels to the teacher's. */
  adapter: v.optional(v.picklist(['none', 'conv1x1']), 'none'),
  /**
   * `same`: refuse a teacher whose priors or coder differ. `teacher`: read every prediction as the teacher does.
   * Without it `same` between detectors of one name.
   */
  coding: v.optional(v.picklist(['same', 'teacher'])),
  /** Divide by 1e-6 in a batch without positives, as the reference does, instead of leaving the terms out. */
  parity: v.optional(v.boolean(), false),
  /** One log term a level, `cls.p3`, instead of their sum. */
  perLevel: v.optional(v.boolean(), false),
  /** Of two-stage detectors: cross the region proposal networks, too, as dense heads, at an `i` of their own. */
  rpn: v.optional(v.strictObject({ i: blocks })),
  /** Taps of the levels that the heads read; one a stride. */
  neck: v.optional(pairedTaps, NECK),
});

/** The options of the plugin as a person writes them. */
export type CrossKdInput = v.InferInput<typeof optionsSchema>;
export type CrossKdOptions = v.InferOutput<typeof optionsSchema>;
