import {
  adapterName,
  adapterOptions,
  comparedMaps,
  definePlugin,
  type Hooks,
  type NeckPair,
  neckPairs,
  nonNegative,
  pairedTaps,
  type PluginScope,
  termFactor,
  termSchedule,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { hintEntries, hintLoss } from './hint-loss.js';

const optionsSchema = v.strictObject({
  ...hintEntries,
  /** Of the whole term. */
  weight: v.optional(nonNegative, 1),
  /** Taps that both models have, of neck or backbone, paired by stride; without it the whole neck. */
  taps: v.optional(pairedTaps),
  adapter: v.optional(adapterName, 'conv1x1'),
  schedule: termSchedule,
});

export type FitNetsInput = v.InferInput<typeof optionsSchema>;
export type FitNetsOptions = v.InferOutput<typeof optionsSchema>;

/**
 * Hints: a trained convolution of the student's features learns the teacher's, everywhere alike.
 * Romero et al., "FitNets: Hints for Thin Deep Nets", ICLR 2015.
 */
export const fitnets = definePlugin<FitNetsOptions, FitNetsInput>({
  name: 'fitnets',
  apiVersion: 1,
  options: optionsSchema,
  requires: {},
  create,
});

function create(scope: PluginScope, options: FitNetsOptions): Hooks {
  let pairs: readonly NeckPair[] = [];
  return {
    featureTap(requests) {
      pairs = neckPairs(scope, requests, {
        taps: options.taps,
        adapter: adapterOptions(options.adapter),
        pooled: true,
      });
    },
    lossCompose: (step) => ({
      hint: tf.tidy(() => {
        const levels = comparedMaps(scope.id, step, pairs).map(({ student, teacher }) =>
          hintLoss(student, teacher, options),
        );
        return tf.mul(tf.addN(levels), options.weight);
      }),
    }),
    schedule: (progress) => termFactor(options.schedule, progress),
  };
}
