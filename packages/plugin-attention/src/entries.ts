import { pairedTaps, termSchedule } from '@kd/core';
import * as v from 'valibot';

/** What all three methods have. */
export const commonEntries = {
  /** Taps that both models have, paired by stride; without it the whole neck, p2 to p5 of two-stage detectors. */
  taps: v.optional(pairedTaps),
  schedule: termSchedule,
};
