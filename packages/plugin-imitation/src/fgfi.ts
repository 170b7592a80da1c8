import {
  aboveZero,
  adapterName,
  adapterOptions,
  comparedMaps,
  definePlugin,
  type Hooks,
  instanceWeights,
  KdError,
  type NeckPair,
  neckPairs,
  nonNegative,
  pairedTaps,
  type PluginScope,
  type StepView,
  termFactor,
  termSchedule,
  weighedStep,
} from '@kd/core';
import { levelObjects, levelPlaces } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { imitationLoss } from './imitation-loss.js';
import { levelAnchors } from './level-anchors.js';
import { nearAnchors } from './near-anchors.js';

const optionsSchema = v.strictObject({
  /**
   * `original`: one level of stride 16, as the paper. `pyramid`: every object on its own level, as later comparisons
   * do.
   */
  variant: v.optional(v.picklist(['original', 'pyramid']), 'pyramid'),
  /** Share of the best overlap that makes a cell near. */
  psi: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0.5),
  /** Of the whole term; without it 0.01 for `original` and 3 for `pyramid`. */
  weight: v.optional(nonNegative),
  /** Taps of the neck that both models have; without it stride 16 for `original`, the whole neck for `pyramid`. */
  taps: v.optional(pairedTaps),
  /** Without it `conv3x3-relu` for `original` and `conv3x3` for `pyramid`. */
  adapter: v.optional(adapterName),
  /** Side in pixels of objects at the lower end of the finest level, of `pyramid`. */
  finest: v.optional(aboveZero, 56),
  /** Side in strides of the square that stands for the anchor of a point, of detectors that predict distances. */
  virtualAnchor: v.optional(aboveZero, 8),
  instanceWeights,
  /** Without it `original` starts at step 400. */
  schedule: v.optional(v.unwrap(termSchedule)),
});

export type FgfiInput = v.InferInput<typeof optionsSchema>;
export type FgfiOptions = v.InferOutput<typeof optionsSchema>;

/**
 * What the variants differ in; the weights are those of their public code, the second one's for Faster R-CNN on VOC.
 */
const VARIANTS = {
  original: { weight: 0.01, adapter: 'conv3x3-relu', start: 400 },
  pyramid: { weight: 3, adapter: 'conv3x3', start: 0 },
} as const;

/** Deviation of the first weights of the original's adapter. */
const ORIGINAL_DEVIATION = 1e-4;

/**
 * Fine-grained feature imitation: the student learns the teacher's features near objects alone, where anchors overlap
 * them.
 * Wang et al., "Distilling Object Detectors with Fine-grained Feature Imitation", CVPR 2019.
 */
export const fgfi = definePlugin<FgfiOptions, FgfiInput>({
  name: 'fgfi',
  apiVersion: 1,
  options: optionsSchema,
  requires: {},
  create,
});

function create(scope: PluginScope, options: FgfiOptions): Hooks {
  const { student } = scope;
  if (student.dense === undefined && student.secondStage === undefined) {
    throw new KdError(
      'PLUGIN_REQUIRES',
      `${scope.id}: the student (${student.name}) says of no priors how they are read, and without anchors nothing is near an object. Take a detector with a dense head or a region proposal network, or a plugin that needs features alone, e.g. fitnets.`,
    );
  }
  const { variant, psi, finest, virtualAnchor } = options;
  const usual = VARIANTS[variant];
  const name = options.adapter ?? usual.adapter;
  const schedule = options.schedule ?? { start: usual.start, warmup: 0, decay: 'none' as const };
  const weight = options.weight ?? usual.weight;
  let pairs: readonly NeckPair[] = [];

  return {
    settled: { weight, adapter: name, schedule },

    featureTap(requests) {
      const adapter = adapterOptions(name);
      const initial =
        variant === 'original' && adapter !== null ? { ...adapter, deviation: ORIGINAL_DEVIATION } : adapter;
      pairs = neckPairs(scope, requests, {
        taps: options.taps ?? (variant === 'original' ? strideSixteen(scope) : undefined),
        adapter: initial,
        pooled: true,
      });
    },

    lossCompose: (step: StepView) => ({
      imitation: tf.tidy(() => {
        const { places, levels } = levelPlaces(
          student,
          pairs.map(({ stride }) => stride),
        );
        const objects = levelObjects(weighedStep(step, options), {
          levels,
          finest: variant === 'pyramid' ? finest : null,
        });
        const maps = comparedMaps(scope.id, step, pairs).map((maps, i) => {
          const [, height, width] = maps.student.shape;
          const place = places[i]!;
          const anchors = levelAnchors(scope.id, step.priors, {
            place,
            height,
            width,
            virtual: student.dense?.boxes === 'distance' ? virtualAnchor : null,
          });
          const values = objects.values(place);
          return {
            ...maps,
            mask: nearAnchors(anchors, objects.boxes, objects.on(place), {
              height,
              width,
              psi,
              inclusive: variant === 'original',
              ...(values && { values }),
            }),
          };
        });
        return tf.mul(imitationLoss(maps, variant), weight);
      }),
    }),

    schedule: (progress) => termFactor(schedule, progress),
  };
}

/** The one level of the original. */
function strideSixteen({ id, student }: PluginScope): string {
  const found = student.taps.find(({ name, stride }) => name.startsWith('neck@') && stride === 16);
  if (found !== undefined) return found.name;
  throw new KdError(
    'TAP_UNKNOWN',
    `${id}: the original variant compares the level of stride 16, which the neck of the student (${student.name}) lacks. Name a level in taps, or take variant: 'pyramid'.`,
  );
}
