import { instanceWeights, pairedTaps } from '@kd/core';
import * as v from 'valibot';

/** What brings the student's channels to the teacher's. */
export const adapter = v.picklist(['none', 'conv1x1', 'conv3x3']);

/** Options of both methods. */
export const entries = {
  /** Levels of the neck that both models have, and whose cells both heads score; without it the whole neck. */
  taps: v.optional(pairedTaps),
  /**
   * `same`: refuse dense heads whose priors may differ. `any`: the cells and priors of both belong together, although
   * the detectors say it in other words.
   */
  coding: v.optional(v.picklist(['same', 'any']), 'same'),
  instanceWeights,
};
