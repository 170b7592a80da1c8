import {
  adapterOptions,
  type CellScores,
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
import { richnessLoss } from './richness-loss.js';
import { scoredLevels, withScoreWeights } from './scored-levels.js';

const optionsSchema = v.strictObject({
  ...entries,
  /** Factors of the terms; without them those that are published for the kind of head. */
  feature: v.optional(nonNegative),
  classification: v.optional(nonNegative),
  adapter: v.optional(adapter, 'conv3x3'),
  /** Without it the terms rise over 500 steps. */
  schedule: v.optional(v.unwrap(termSchedule)),
});

export type FrsInput = v.InferInput<typeof optionsSchema>;
export type FrsOptions = v.InferOutput<typeof optionsSchema>;

/** Published factors, by what the head predicts: of RetinaNet, FCOS and GFL, and of the RPN of Faster R-CNN. */
const FACTORS = {
  delta: { feature: 0.005, classification: 0.02 },
  distance: { feature: 0.01, classification: 0.05 },
  distribution: { feature: 0.1, classification: 0.05 },
  proposals: { feature: 0.002, classification: 0.1 },
} as const;

const WARMUP = { start: 0, warmup: 500, decay: 'none' } as const;

/**
 * Feature richness: features and class scores are learnt where the teacher sees something, whether an object is there
 * or not. Du et al., "Distilling Object Detectors with Feature Richness", NeurIPS 2021.
 */
export const frs = definePlugin<FrsOptions, FrsInput>({
  name: 'frs',
  apiVersion: 1,
  options: optionsSchema,
  requires: {},
  create,
});

function create(scope: PluginScope, options: FrsOptions): Hooks {
  const scores = checkCellScores(scope, options.coding);
  const usual = factorsOf(scope, scores);
  const feature = options.feature ?? usual.feature;
  const classification = options.classification ?? usual.classification;
  const schedule = options.schedule ?? WARMUP;
  let pairs: readonly NeckPair[] = [];
  return {
    settled: { feature, classification, schedule },

    featureTap(requests) {
      pairs = neckPairs(scope, requests, {
        taps: options.taps,
        adapter: adapterOptions(options.adapter),
        pooled: true,
      });
    },

    lossCompose: (step) =>
      tf.tidy(() => {
        const weighed = weighedStep(step, options);
        const losses = richnessLoss(withScoreWeights(scoredLevels(scope, weighed, pairs, scores), weighed, pairs));
        return {
          feature: tf.mul<tf.Scalar>(losses.feature, feature),
          classification: tf.mul<tf.Scalar>(losses.classification, classification),
        };
      }),

    // Without a factor there is nothing to learn: the run says so, and computes nothing for it.
    schedule: (progress) => (feature + classification === 0 ? 0 : termFactor(schedule, progress)),
  };
}

const factorsOf = ({ student }: PluginScope, { from }: CellScores) =>
  FACTORS[from === 'proposals' ? 'proposals' : student.dense!.boxes];
