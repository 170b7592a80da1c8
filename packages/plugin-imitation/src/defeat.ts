import {
  aboveZero,
  adapterName,
  adapterOptions,
  type ClassMatch,
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
  sharedClasses,
  type StepView,
  type TapInfo,
  termFactor,
  termSchedule,
  weighedStep,
} from '@kd/core';
import { levelObjects, levelPlaces, objectMask } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { decoupledLoss } from './decoupled-loss.js';
import { headTerms } from './head-terms.js';

const optionsSchema = v.strictObject({
  /** Factors of the neck's terms. */
  foreground: v.optional(nonNegative, 3),
  background: v.optional(nonNegative, 12),
  /** Taps of the neck that both models have; without it the whole neck. */
  taps: v.optional(pairedTaps),
  adapter: v.optional(adapterName, 'conv3x3'),
  /** Side in pixels of objects at the lower end of the finest level. */
  finest: v.optional(aboveZero, 56),
  /**
   * Of two-stage detectors: compare the classes of the regions that the teacher samples, too. `{}` is with its
   * defaults.
   */
  head: v.optional(
    v.strictObject({
      foreground: v.optional(nonNegative, 2),
      background: v.optional(nonNegative, 2),
      temperatureForeground: v.optional(aboveZero, 1),
      temperatureBackground: v.optional(aboveZero, 1),
    }),
  ),
  instanceWeights,
  schedule: termSchedule,
});

export type DeFeatInput = v.InferInput<typeof optionsSchema>;
export type DeFeatOptions = v.InferOutput<typeof optionsSchema>;

/**
 * Decoupled features: the student learns the teacher's features of objects and of background as two terms of their own
 * weight.
 * Guo et al., "Distilling Object Detectors via Decoupled Features", CVPR 2021.
 */
export const defeat = definePlugin<DeFeatOptions, DeFeatInput>({
  name: 'defeat',
  apiVersion: 1,
  options: optionsSchema,
  requires: {},
  create,
});

function create(scope: PluginScope, options: DeFeatOptions): Hooks {
  const { head } = options;
  const all = options.foreground + options.background + (head === undefined ? 0 : head.foreground + head.background);
  const regions = head && { ...head, classes: classesOfRegions(scope) };
  let pairs: readonly NeckPair[] = [];
  let teacherNeck: readonly TapInfo[] = [];

  return {
    featureTap(requests) {
      pairs = neckPairs(scope, requests, {
        taps: options.taps,
        adapter: adapterOptions(options.adapter),
        pooled: true,
      });
      if (head !== undefined) teacherNeck = [...requests.of('teacher', 'neck@*')].sort((a, b) => a.stride - b.stride);
    },

    lossCompose: (step: StepView) =>
      tf.tidy(() => ({
        ...neckTerms(scope, weighedStep(step, options), pairs, options),
        ...(regions && headTerms(scope, weighedStep(step, options), teacherNeck, regions)),
      })),

    // Without a factor there is nothing to learn: the run says so, and computes nothing for it.
    schedule: (progress) => (all === 0 ? 0 : termFactor(options.schedule, progress)),
  };
}

/** The classes that both second stages tell apart. @throws KdError PLUGIN_REQUIRES, TEACHER_INVALID */
function classesOfRegions(scope: PluginScope): ClassMatch {
  for (const role of ['student', 'teacher'] as const) {
    const { name, secondStage } = scope[role];
    if (secondStage === undefined) {
      throw new KdError(
        'PLUGIN_REQUIRES',
        `${scope.id}: the head part compares the classes of regions, and the ${role} (${name}) has one stage alone. Leave head out of the options, or take two-stage detectors; for dense class scores there is the plugin kd.`,
      );
    }
  }
  return sharedClasses(scope);
}

function neckTerms(
  scope: PluginScope,
  step: StepView,
  pairs: readonly NeckPair[],
  { foreground, background, finest }: DeFeatOptions,
) {
  const { places, levels } = levelPlaces(
    scope.student,
    pairs.map(({ stride }) => stride),
  );
  const objects = levelObjects(step, { levels, finest });
  const maps = comparedMaps(scope.id, step, pairs).map((maps, i) => {
    const [, height, width] = maps.student.shape;
    const place = places[i]!;
    const cells = { stride: maps.pair.stride, height, width };
    const [on, trust] = [objects.on(place), objects.values(place)];
    return {
      ...maps,
      mask: objectMask(objects.boxes, on, cells),
      values: trust && objectMask(objects.boxes, on, { ...cells, values: trust }),
    };
  });
  const terms = decoupledLoss(maps);
  return {
    neckForeground: tf.mul<tf.Scalar>(terms.foreground, foreground),
    neckBackground: tf.mul<tf.Scalar>(terms.background, background),
  };
}
