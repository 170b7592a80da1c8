import { aboveZero, nonNegative, pairedTaps } from '@kd/core';
import * as v from 'valibot';

/** What the loss of two maps depends on; the plugin's options hold the same entries. */
export const lossEntries = {
  /** Added to the deviation of either map. */
  eps: v.optional(aboveZero, 1e-6),
  /** Which map takes the other's height and width where they differ, bilinearly; `none` refuses. */
  resize: v.optional(v.picklist(['student', 'teacher', 'none']), 'student'),
};

export const lossSchema = v.strictObject({ ...lossEntries, weight: v.optional(nonNegative, 1) });

/** Options of the loss as a person writes them: every one has a default. */
export type PkdLossOptions = v.InferInput<typeof lossSchema>;
export type LossSettings = v.InferOutput<typeof lossSchema>;

export const optionsSchema = v.strictObject({
  ...lossEntries,
  /** Of the whole term; without it 10 for one-stage and 6 for two-stage detectors. */
  weight: v.optional(nonNegative),
  /** Taps that both models have, paired by stride; without it the whole neck, p2 to p5 for two-stage detectors. */
  taps: v.optional(pairedTaps),
  /** `conv1x1`: a trained 1x1 convolution a level, from the student's channels to the teacher's. */
  adapter: v.optional(v.picklist(['none', 'conv1x1']), 'none'),
});

/** The options of the plugin as a person writes them. */
export type PkdPluginInput = v.InferInput<typeof optionsSchema>;
export type PkdPluginOptions = v.InferOutput<typeof optionsSchema>;
