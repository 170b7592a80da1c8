import { instanceWeights, nonNegative, pairedTaps } from '@kd/core';
import * as v from 'valibot';
import { levelEntries } from './ssim-levels.js';

const entries = {
  ...levelEntries,
  /** λ of the whole term; without it 4 for one-stage and 2 for two-stage detectors, half of that with form `full`. */
  weight: v.optional(nonNegative),
  /** Taps that both models have, paired by stride; without it the whole neck, p2 to p5 for two-stage detectors. */
  taps: v.optional(pairedTaps),
  /** `conv1x1`: a trained 1x1 convolution a level, from the student's channels to the teacher's. */
  adapter: v.optional(v.picklist(['none', 'conv1x1']), 'none'),
  /** Leave cells out that lie in the padding of a batch. */
  maskPadding: v.optional(v.boolean(), false),
  /** Not with padding `valid`, whose result has other cells than the map. */
  instanceWeights,
};

export const optionsSchema = v.pipe(
  v.strictObject(entries),
  v.check(
    ({ loss, alpha, beta, gamma }) => loss !== 'ssim' || alpha + beta + gamma > 0,
    'alpha, beta and gamma are all 0, which leaves nothing to learn; set one of them above 0',
  ),
  v.check(
    ({ loss, maskPadding, padding }) => !maskPadding || loss !== 'ssim' || padding !== 'valid',
    'maskPadding needs a result of the size of the map, which padding "valid" does not give; use "reflect" or "renorm"',
  ),
);

/** The options of the plugin as a person writes them. */
export type SsimPluginInput = v.InferInput<typeof optionsSchema>;
export type SsimPluginOptions = v.InferOutput<typeof optionsSchema>;
