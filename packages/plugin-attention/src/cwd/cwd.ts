import {
  aboveZero,
  adapterPairing,
  adapterWhereNeeded,
  comparedMaps,
  definePlugin,
  type Hooks,
  type NeckPair,
  neckPairs,
  nonNegative,
  type PluginScope,
  termFactor,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { commonEntries } from '../entries.js';
import { cwdLoss } from './cwd-loss.js';

const optionsSchema = v.strictObject({
  /** Of the sum over the levels. */
  weight: v.optional(nonNegative, 10),
  /** Softens the distributions. */
  temperature: v.optional(aboveZero, 1),
  adapter: adapterWhereNeeded,
  ...commonEntries,
});

export type CwdInput = v.InferInput<typeof optionsSchema>;
export type CwdOptions = v.InferOutput<typeof optionsSchema>;

/**
 * Channel-wise distillation: where each channel of the teacher's neck is strong, the student's is to be.
 * Shu et al., "Channel-wise Knowledge Distillation for Dense Prediction", ICCV 2021.
 */
export const cwd = definePlugin<CwdOptions, CwdInput>({
  name: 'cwd',
  apiVersion: 1,
  options: optionsSchema,
  requires: {},
  create,
});

function create(scope: PluginScope, options: CwdOptions): Hooks {
  let pairs: readonly NeckPair[] = [];
  return {
    featureTap(requests) {
      pairs = neckPairs(scope, requests, { taps: options.taps, ...adapterPairing(options.adapter), pooled: false });
    },
    lossCompose: (step) => ({
      cwd: tf.tidy(() => tf.mul(cwdLoss(comparedMaps(scope.id, step, pairs), options), options.weight)),
    }),
    schedule: (progress) => termFactor(options.schedule, progress),
  };
}
