import * as v from 'valibot';

/** What is larger is a mistake, and overflows float32 before long. */
export const MOST = 1e12;

/** A rate, a norm, a factor. */
export const positive = v.pipe(v.number(), v.finite(), v.gtValue(0), v.maxValue(MOST));
