import { aboveZero, instanceWeights, nonNegative, termSchedule } from '@kd/core';
import * as v from 'valibot';

export const optionsSchema = v.strictObject({
  /** Factor of the term on the priors that answer for an object. */
  main: v.optional(nonNegative, 0.25),
  /** Factor of the term on the valuable localization region. */
  vlr: v.optional(nonNegative, 0.25),
  /** Softens the distributions. */
  temperature: v.optional(aboveZero, 10),
  /** Overlap of the region's rule: the paper's, or the public code's over the anchor's area alone. */
  overlap: v.optional(v.picklist(['iou', 'iof']), 'iou'),
  /** Nearest anchors a level that make an object's threshold. */
  topk: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1e4)), 9),
  /** Share of the threshold that is the lower end of the region. */
  lower: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0.25),
  /**
   * `same`: refuse heads whose priors may differ. `any`: they belong together, although the detectors say it in other
   * words.
   */
  coding: v.optional(v.picklist(['same', 'any']), 'same'),
  instanceWeights,
  schedule: termSchedule,
});

/** The options of the plugin as a person writes them. */
export type LdInput = v.InferInput<typeof optionsSchema>;
export type LdOptions = v.InferOutput<typeof optionsSchema>;
