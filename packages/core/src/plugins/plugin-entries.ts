import * as v from 'valibot';
import type { AdapterOptions } from './adapter.js';

/** A number from 0 on, such as the factor of a term, for the options of plugins. */
export const nonNegative = v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(1e6));

/** A number above 0, such as a temperature, for the options of plugins. */
export const aboveZero = v.pipe(v.number(), v.finite(), v.gtValue(0), v.maxValue(1e6));

/** Taps that both models have, paired by stride, for the options of plugins: a name or a pattern, or several. */
export const pairedTaps = v.union([v.string(), v.pipe(v.array(v.string()), v.minLength(1))]);

/** What brings the student's channels to the teacher's, by the names that options of plugins use. */
const ADAPTERS = {
  none: null,
  conv1x1: {},
  'conv1x1-nobias': { bias: false },
  'conv1x1-bn-relu': { bias: false, norm: true, relu: true },
  conv3x3: { size: 3 },
  'conv3x3-relu': { size: 3, relu: true },
} as const satisfies Record<string, AdapterOptions | null>;

export type AdapterName = keyof typeof ADAPTERS;

/** For options that take any of them. */
export const adapterName = v.picklist(Object.keys(ADAPTERS) as AdapterName[]);

export const adapterOptions = (name: AdapterName): AdapterOptions | null => ADAPTERS[name];

/** `auto`: a trained 1x1 convolution on the levels whose channels differ; `conv1x1`: on all; `none`: refuse those. */
export const adapterWhereNeeded = v.optional(v.picklist(['auto', 'conv1x1', 'none']), 'auto');

/** What `neckPairs` makes of {@link adapterWhereNeeded}. */
export const adapterPairing = (
  name: v.InferOutput<typeof adapterWhereNeeded>,
): { readonly adapter: AdapterOptions | null; readonly whereNeeded: boolean } => ({
  adapter: name === 'none' ? null : {},
  whereNeeded: name === 'auto',
});
