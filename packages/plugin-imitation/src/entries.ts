import * as v from 'valibot';

/** A factor of a term. */
export const amount = v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(1e6));

export const positive = v.pipe(v.number(), v.finite(), v.gtValue(0), v.maxValue(1e6));

/** Taps that both models have, paired by stride. */
export const taps = v.optional(v.union([v.string(), v.pipe(v.array(v.string()), v.minLength(1))]));
