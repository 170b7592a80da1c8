import { ownOptimizer, termSchedule } from '@kd/core';
import * as v from 'valibot';

/** A factor of a term. */
export const amount = v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(1e6));

export const positive = v.pipe(v.number(), v.finite(), v.gtValue(0), v.maxValue(1e6));

/** What all three methods have. */
export const commonEntries = {
  /** Taps that both models have, paired by stride; without it the whole neck, p2 to p5 of two-stage detectors. */
  taps: v.optional(v.union([v.string(), v.pipe(v.array(v.string()), v.minLength(1))])),
  schedule: termSchedule,
};

/** `auto`: a trained 1x1 convolution on the levels whose channels differ; `conv1x1`: on all; `none`: refuse those. */
export const adapter = v.optional(v.picklist(['auto', 'conv1x1', 'none']), 'auto');

export const adapterOf = (name: v.InferOutput<typeof adapter>) => ({
  adapter: name === 'none' ? null : {},
  whereNeeded: name === 'auto',
});

export { ownOptimizer };
