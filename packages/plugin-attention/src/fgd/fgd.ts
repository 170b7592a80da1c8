import {
  aboveZero,
  adapterPairing,
  adapterWhereNeeded,
  comparedMaps,
  definePlugin,
  type DetectorKind,
  detectorKind,
  given,
  type Hooks,
  instanceWeights,
  type NeckPair,
  neckPairs,
  nonNegative,
  ownOptimizer,
  type PluginScope,
  type StepView,
  termFactor,
  variableMaker,
  weighedStep,
} from '@kd/core';
import { levelObjects, levelPlaces } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { commonEntries } from '../entries.js';
import { type ContextBlock, createContextBlock } from './context-block.js';
import { type FgdTerms, fgdLoss } from './fgd-loss.js';
import { focalMasks } from './focal-masks.js';

const optionsSchema = v.strictObject({
  /** Factors of the terms; without them the published ones of the kind of detector. */
  weights: v.optional(
    v.strictObject({
      foreground: v.optional(nonNegative),
      background: v.optional(nonNegative),
      attention: v.optional(nonNegative),
      relation: v.optional(nonNegative),
    }),
    {},
  ),
  /** Of the attentions; without it 0.5, of FCOS 0.8. */
  temperature: v.optional(aboveZero),
  adapter: adapterWhereNeeded,
  instanceWeights,
  ownOptimizer,
  ...commonEntries,
});

export type FgdInput = v.InferInput<typeof optionsSchema>;
export type FgdOptions = v.InferOutput<typeof optionsSchema>;

const scaled = (alpha: number): Record<keyof FgdTerms, number> => ({
  foreground: alpha,
  background: alpha / 2,
  attention: alpha / 2,
  relation: alpha / 200,
});

/** Of the authors' configurations. */
const PUBLISHED: Readonly<Record<DetectorKind, { weights: Record<keyof FgdTerms, number>; temperature: number }>> = {
  anchors: { weights: scaled(1e-3), temperature: 0.5 },
  distribution: { weights: scaled(1e-3), temperature: 0.5 },
  points: { weights: scaled(1.6e-3), temperature: 0.8 },
  'two-stage': {
    weights: { foreground: 5e-5, background: 2.5e-5, attention: 5e-5, relation: 5e-7 },
    temperature: 0.5,
  },
};

/**
 * Focal and global distillation: objects and background apart, by the teacher's attention, and the relations of all
 * cells.
 * Yang et al., "Focal and Global Knowledge Distillation for Detectors", CVPR 2022.
 */
export const fgd = definePlugin<FgdOptions, FgdInput>({
  name: 'fgd',
  apiVersion: 1,
  options: optionsSchema,
  requires: {},
  create,
});

function create(scope: PluginScope, options: FgdOptions): Hooks {
  const published = PUBLISHED[detectorKind(scope.student)];
  const weights = { ...published.weights, ...given(options.weights) };
  const temperature = options.temperature ?? published.temperature;
  const maker = variableMaker(scope, options.ownOptimizer);
  let pairs: readonly NeckPair[] = [];
  let blocks: readonly { readonly student: ContextBlock; readonly teacher: ContextBlock }[] = [];

  return {
    settled: { weights, temperature },

    featureTap(requests) {
      pairs = neckPairs(scope, requests, { taps: options.taps, ...adapterPairing(options.adapter), pooled: false });
      blocks = pairs.map(({ student, teacher }) => ({
        student: createContextBlock(maker, `${student.name}/student`, teacher.channels),
        teacher: createContextBlock(maker, `${student.name}/teacher`, teacher.channels),
      }));
    },

    lossCompose: (step) =>
      tf.tidy(() => {
        const masks = masksOf(scope, weighedStep(step, options), pairs);
        const terms = fgdLoss(
          comparedMaps(scope.id, step, pairs).map(({ student, teacher }, i) => ({
            student,
            teacher,
            ...masks(i, student),
            blocks: blocks[i]!,
          })),
          { temperature },
        );
        return {
          foreground: tf.mul(terms.foreground, weights.foreground),
          background: tf.mul(terms.background, weights.background),
          attention: tf.mul(terms.attention, weights.attention),
          relation: tf.mul(terms.relation, weights.relation),
        };
      }),

    schedule: (progress) => termFactor(options.schedule, progress),
  };
}

function masksOf(
  { student }: PluginScope,
  step: StepView,
  pairs: readonly NeckPair[],
): (level: number, map: tf.Tensor4D) => ReturnType<typeof focalMasks> {
  const { places, levels } = levelPlaces(
    student,
    pairs.map(({ stride }) => stride),
  );
  const objects = levelObjects(step, { levels, finest: null });
  return (level, { shape: [, height, width] }) =>
    focalMasks(objects.boxes, objects.on(places[level]!), {
      imageSize: step.targets.paddedSize,
      height,
      width,
      values: objects.values(places[level]!),
    });
}
