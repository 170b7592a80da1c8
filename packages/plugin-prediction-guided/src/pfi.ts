import {
  adapterOptions,
  checkCellScores,
  definePlugin,
  type Hooks,
  type NeckPair,
  neckPairs,
  nonNegative,
  type PluginScope,
  termFactor,
  termSchedule,
  weighedStep,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { adapter, entries } from './entries.js';
import { levelsLoss, pfiEntries } from './prediction-guided-loss.js';
import { scoredLevels } from './scored-levels.js';

const optionsSchema = v.strictObject({
  ...pfiEntries,
  ...entries,
  /** Of the whole term. */
  weight: v.optional(nonNegative, 1.5),
  adapter: v.optional(adapter, 'conv1x1'),
  schedule: termSchedule,
});

export type PfiInput = v.InferInput<typeof optionsSchema>;
export type PfiOptions = v.InferOutput<typeof optionsSchema>;

/**
 * Prediction-guided feature imitation: features are learnt where the scores of both models still differ.
 * Li et al., "Knowledge Distillation for Object Detection via Rank Mimicking and Prediction-guided Feature Imitation",
 * AAAI 2022.
 */
export const pfi = definePlugin<PfiOptions, PfiInput>({
  name: 'pfi',
  apiVersion: 1,
  options: optionsSchema,
  requires: {},
  create,
});

function create(scope: PluginScope, options: PfiOptions): Hooks {
  const scores = checkCellScores(scope, options.coding);
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
      imitation: tf.tidy(() =>
        tf.mul(levelsLoss(scoredLevels(scope, weighedStep(step, options), pairs, scores), options), options.weight),
      ),
    }),
    schedule: (progress) => (options.weight === 0 ? 0 : termFactor(options.schedule, progress)),
  };
}
