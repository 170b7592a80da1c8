import { type LoaderOptions, parseOptions } from '@kd/core/plain';
import * as v from 'valibot';
import { inputSpec } from '../input-spec.js';

const whole = (low: number, high: number) => v.pipe(v.number(), v.integer(), v.minValue(low), v.maxValue(high));
const options = v.object({
  input: inputSpec,
  extraInputs: v.optional(v.array(inputSpec)),
  batchSize: whole(1, 1_000_000),
  training: v.boolean(),
  shuffle: v.boolean(),
  dropLast: v.boolean(),
  seed: v.pipe(v.number(), v.safeInteger()),
  augment: v.array(v.looseObject({ name: v.string() })),
  workers: whole(0, 1024),
  onBadImage: v.picklist(['error', 'skip']),
  buckets: v.optional(whole(1, 64)),
  indices: v.optional(v.array(v.pipe(v.number(), v.integer()))),
});

/** @throws KdError CONFIG_INVALID for options that make no batch */
export const checkLoaderOptions = (given: LoaderOptions): void => void parseOptions(options, given, 'a loader');
