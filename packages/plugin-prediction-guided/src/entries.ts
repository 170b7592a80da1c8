import { type AdapterOptions, instanceWeights, termSchedule } from '@kd/core';
import * as v from 'valibot';

/** A factor of a term. */
export const amount = v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(1e6));

/** What brings the student's channels to the teacher's, by the names that options use. */
const ADAPTERS = {
  none: null,
  conv1x1: {},
  conv3x3: { size: 3 },
} as const satisfies Record<string, AdapterOptions | null>;

export type AdapterName = keyof typeof ADAPTERS;

export const adapterName = v.picklist(Object.keys(ADAPTERS) as AdapterName[]);

export const adapterOptions = (name: AdapterName): AdapterOptions | null => ADAPTERS[name];

/** Options of both methods. */
export const entries = {
  /** Levels of the neck that both models have, and whose cells both heads score; without it the whole neck. */
  taps: v.optional(v.union([v.string(), v.pipe(v.array(v.string()), v.minLength(1))])),
  /**
   * `same`: refuse dense heads whose priors may differ. `any`: the cells and priors of both belong together, although
   * the detectors say it in other words.
   */
  coding: v.optional(v.picklist(['same', 'any']), 'same'),
  instanceWeights,
};

export { termSchedule };
