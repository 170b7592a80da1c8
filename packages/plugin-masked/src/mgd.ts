import {
  adapterPairing,
  adapterWhereNeeded,
  comparedMaps,
  definePlugin,
  detectorKind,
  type Hooks,
  type NeckPair,
  neckPairs,
  nonNegative,
  ownOptimizer,
  pairedTaps,
  type PluginScope,
  termFactor,
  termSchedule,
  variableMaker,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { createGenerator, type Generator } from './generator.js';
import { randomMask } from './mask.js';
import { mgdLoss } from './mgd-loss.js';

const optionsSchema = v.strictObject({
  /** Of the sum over the levels; without it 2e-5 of dense and 5e-7 of two-stage detectors. */
  weight: v.optional(nonNegative),
  /** Share of the cells that are left out; without it 0.65 of dense and 0.45 of two-stage detectors. */
  ratio: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  /** Taps that both models have, paired by stride; without it the whole neck, p2 to p5 of two-stage detectors. */
  taps: v.optional(pairedTaps),
  adapter: adapterWhereNeeded,
  ownOptimizer,
  schedule: termSchedule,
});

export type MgdInput = v.InferInput<typeof optionsSchema>;
export type MgdOptions = v.InferOutput<typeof optionsSchema>;

/**
 * Masked generative distillation: from random cells of the student's neck a small network has to make the teacher's.
 * Yang et al., "Masked Generative Distillation", ECCV 2022.
 */
export const mgd = definePlugin<MgdOptions, MgdInput>({
  name: 'mgd',
  apiVersion: 1,
  options: optionsSchema,
  requires: {},
  create,
});

export default mgd;

function create(scope: PluginScope, options: MgdOptions): Hooks {
  const published =
    detectorKind(scope.student) === 'two-stage' ? { weight: 5e-7, ratio: 0.45 } : { weight: 2e-5, ratio: 0.65 };
  const { weight = published.weight, ratio = published.ratio } = options;
  const maker = variableMaker(scope, options.ownOptimizer);
  let pairs: readonly NeckPair[] = [];
  let generators: readonly Generator[] = [];

  return {
    settled: { weight, ratio },

    featureTap(requests) {
      pairs = neckPairs(scope, requests, {
        taps: options.taps,
        ...adapterPairing(options.adapter),
        pooled: false,
      });
      generators = pairs.map(({ student, teacher }) => createGenerator(maker, student.name, teacher.channels));
    },

    lossCompose: (step) => ({
      generation: tf.tidy(() => {
        const levels = comparedMaps(scope.id, step, pairs).map(({ student, teacher, pair }, i) => ({
          student,
          teacher,
          keep: randomMask(student.shape, ratio, step.rng.stream('mask', pair.student.name)),
          generator: generators[i]!,
        }));
        return tf.mul(mgdLoss(levels), weight);
      }),
    }),

    schedule: (progress) => termFactor(options.schedule, progress),
  };
}
