import { aboveZero, nonNegative } from '@kd/core';
import * as v from 'valibot';

const exponent = v.optional(nonNegative, 1);
const positive = (fallback: number) => v.optional(aboveZero, fallback);

/** What the SSIM of two maps depends on; the plugin's options hold the same entries. */
export const lossEntries = {
  /** Taps of the window along each axis: odd. */
  window: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(255, 'must be at most 255'),
      v.check((n) => n % 2 === 1, 'the window must be odd, e.g. 11'),
    ),
    11,
  ),
  windowType: v.optional(v.picklist(['gaussian', 'uniform']), 'gaussian'),
  /** Deviation of the Gaussian window in cells. */
  sigma: positive(1.5),
  k1: positive(0.01),
  k2: positive(0.03),
  /** Exponents of luminance, contrast and structure; 0 leaves a component out. */
  alpha: exponent,
  beta: exponent,
  gamma: exponent,
  padding: v.optional(v.picklist(['reflect', 'valid', 'renorm']), 'reflect'),
  normalize: v.optional(v.picklist(['minmax', 'none']), 'minmax'),
  /** What one range is taken over: the whole batch, one image, or one channel of one image. */
  scope: v.optional(v.picklist(['tensor', 'image', 'channel']), 'image'),
  /** Whose range maps the student's features. */
  rangeFrom: v.optional(v.picklist(['own', 'teacher']), 'own'),
  /** Treat minimum and maximum as constants in the backward pass. */
  detachRange: v.optional(v.boolean(), false),
  /** R of the constants C1 and C2 without normalisation; `teacher` takes the range of the teacher's map. */
  dynamicRange: v.optional(v.union([aboveZero, v.literal('teacher')]), 1),
  /** `half` is (1 - SSIM)/2, `full` is 1 - SSIM. */
  form: v.optional(v.picklist(['half', 'full']), 'half'),
};

export const settingsSchema = v.strictObject(lossEntries);

/** Options of the loss as a person writes them: every one has a default. */
export type SsimOptions = v.InferInput<typeof settingsSchema>;
export type SsimSettings = v.InferOutput<typeof settingsSchema>;
