import {
  type ClassMatch,
  comparedMaps,
  definePlugin,
  given,
  type Hooks,
  type NeckPair,
  neckPairs,
  ofSharedClasses,
  pickClasses,
  type PluginScope,
  type StepView,
  type TapRequests,
} from '@kd/core';
import { objectLevel } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { isEarlierBank, readBank, writeBank } from './bank-format.js';
import { buildBank } from './build-bank.js';
import { checkModels } from './check-models.js';
import { describeLevel, type Level, type LevelDescription, ofOwnLevel, regionWeights } from './describe-level.js';
import { DeviceBank } from './device-bank.js';
import { optionsSchema, type PrototypeInput, type PrototypeOptions, USUAL_WEIGHTS } from './options.js';
import { responseLoss } from './response-loss.js';
import { reliabilityStats } from './reliability-stats.js';
import { levelFeature, levelGlobal } from './step-losses.js';
import { type StepObjects, stepObjects } from './step-objects.js';

/**
 * Global knowledge: instances of the training data that serve both models as a basis. The student learns to describe
 * every instance as the teacher does,
 * and how far the two descriptions agree weighs what it learns otherwise. Tang et al., "Distilling Object Detectors
 * with Global Knowledge", ECCV 2022.
 */
export const prototype = definePlugin<PrototypeOptions, PrototypeInput>({
  name: 'prototype',
  apiVersion: 1,
  options: optionsSchema,
  requires: {},
  untrained:
    "the paper's student is trained already, this one starts from nothing; such students came out below no teacher on BCCD with the global or the response loss alone. Train it alone first and start from that: init: '<run folder>', in a study init: '<variant>'.",
  create,
});

export default prototype;

/** What `headForward` leaves for `lossCompose`. */
interface Described {
  readonly objects: StepObjects;
  readonly levels: readonly Level[];
  readonly described: readonly LevelDescription[];
  /** [b, n] of the instances of the step */
  readonly response: tf.Tensor2D;
}

function create(scope: PluginScope, options: PrototypeOptions): Hooks {
  const { id, logger } = scope;
  const weights = { ...USUAL_WEIGHTS, ...given(options.weights) };
  const shared = checkModels(scope, weights.response > 0);
  const classes = scope.student.categories.map(({ name }) => name);
  const twoStage = scope.student.secondStage !== undefined;
  const inUse = new DeviceBank(id);
  let pairs: readonly NeckPair[] = [];
  let now: Described | undefined;
  const averaged = options.feature.levels ?? (twoStage ? 'mean' : 'sum');

  return {
    settled: { weights, feature: { levels: averaged } },

    featureTap: (requests) =>
      void (pairs = requestLevels(scope, requests, weights.feature > 0 ? options.feature.adapter : null)),

    datasetPass: {
      every: options.every,
      run: async (view) => writeBank(await buildBank(view, { id, pairs, options, logger, previous: inUse.bank })),
      use: (result) => inUse.take(readBank(result), pairs, classes),
    },

    headForward(step) {
      now = describe(step, { pairs, inUse, options });
      step.weights.set({
        levels: now.described.map((level) => now!.objects.toInstances(level.weights)),
        response: now.response,
      });
    },

    lossCompose(step) {
      const { objects, levels, described, response } = now!;
      now = undefined;
      const faded = (weight: number): number | tf.Scalar =>
        options.attenuation ? step.scalar(({ epoch, epochs }) => weight * (1 - epoch / epochs)) : weight;
      const terms: Record<string, tf.Scalar> = {};
      if (weights.global > 0) {
        terms['global'] = tf.tidy(() =>
          tf.mul(
            total(levels.map((level, l) => levelGlobal(described[l]!, level, objects, globalOptions(options)))),
            faded(weights.global),
          ),
        );
      }
      if (weights.feature > 0) {
        const share = averaged === 'mean' ? 1 / levels.length : 1;
        terms['feature'] = tf.tidy(() =>
          tf.mul(featureTotal(step, { id, pairs, objects, described, options }), faded(weights.feature * share)),
        );
      }
      if (weights.response > 0) {
        terms['response'] = tf.tidy(() =>
          tf.mul(
            responseTotal(step, response, { temperature: options.response.temperature, shared, scope }),
            weights.response,
          ),
        );
      }
      return terms;
    },

    stats: ({ weights: channel, instances }) => reliabilityStats(channel.get()!.levels, instances.mask),

    state: () => (inUse.bank ? writeBank(inUse.bank) : new Map()),
    restore: (state) => {
      // The pass gives its bank again after a resume; one of an earlier version is made anew there.
      if (state.size > 0 && !isEarlierBank(state)) inUse.take(readBank(state), pairs, classes);
    },
    dispose: () => inUse.dispose(),
  };
}

const total = (scalars: readonly tf.Scalar[]): tf.Scalar => scalars.reduce((sum, scalar) => tf.add(sum, scalar));

/** Every level of the neck: the weight channel has one entry for each. */
function requestLevels(
  scope: PluginScope,
  requests: TapRequests,
  adapter: PrototypeOptions['feature']['adapter'] | null,
): readonly NeckPair[] {
  if (adapter !== null && adapter !== 'none')
    return neckPairs(scope, requests, { adapter: { size: 3, relu: adapter === 'conv3x3-relu' }, pooled: true });
  const hint = `Leave out adapter: 'none' in the options of ${scope.id}: by default a trained 3x3 convolution brings the student's channels to the teacher's.`;
  return requests
    .pair('neck@*', { channels: adapter === 'none' ? 'equal' : 'any', hint })
    .map((pair) => ({ ...pair, adapter: null }));
}

function describe(
  step: StepView,
  {
    pairs,
    inUse,
    options,
  }: { readonly pairs: readonly NeckPair[]; readonly inUse: DeviceBank; readonly options: PrototypeOptions },
): Described {
  const prototypes = inUse.levels;
  const objects = stepObjects(step, options.instances);
  const levels = pairs.map(
    (pair, l): Level => ({
      student: step.student.tap(pair.student),
      teacher: step.teacher.tap(pair.teacher),
      stride: pair.stride,
      prototypes: prototypes[l]!,
    }),
  );
  const described = levels.map((level) => describeLevel(level, objects, options.reliability));
  return { objects, levels, described, response: responseWeights(step, { objects, described, prototypes, options }) };
}

/** What a second stage pools is what it classifies; a dense head reads the level itself. */
function responseWeights(
  { student, teacher, instances }: StepView,
  {
    objects,
    described,
    prototypes,
    options,
  }: Pick<Described, 'objects' | 'described'> & {
    readonly prototypes: DeviceBank['levels'];
    readonly options: PrototypeOptions;
  },
): tf.Tensor2D {
  if (student.regions && teacher.regions) {
    const [{ features, levels }, { features: taught }] = [student.ofInstances, teacher.ofInstances];
    return regionWeights(
      { student: features!, teacher: taught! },
      levels!,
      instances.labels,
      prototypes,
      options.reliability,
    );
  }
  return objects.toInstances(
    ofOwnLevel(
      described.map(({ weights }) => weights),
      objectLevel(objects.boxes, { levels: described.length }),
    ),
  );
}

const globalOptions = ({
  global: { coefficients, similarity, scope, kind },
}: PrototypeOptions): Parameters<typeof levelGlobal>[3] => ({
  coefficients,
  pursuitSimilarity: similarity,
  scope,
  kind,
});

function featureTotal(
  step: StepView,
  {
    id,
    pairs,
    objects,
    described,
    options,
  }: {
    readonly id: string;
    readonly pairs: readonly NeckPair[];
    readonly objects: StepObjects;
    readonly described: readonly LevelDescription[];
    readonly options: PrototypeOptions;
  },
): tf.Scalar {
  return total(
    comparedMaps(id, step, pairs).map(({ pair, student, teacher }, index) => {
      const { foreground, background } = levelFeature(
        { student, teacher, stride: pair.stride },
        objects,
        described[index]!.weights,
        { index, levels: pairs.length },
      );
      return tf.add(tf.mul(foreground, options.feature.foreground), tf.mul(background, options.feature.background));
    }),
  );
}

function responseTotal(
  { student, teacher, instances }: StepView,
  weights: tf.Tensor2D,
  {
    temperature,
    shared,
    scope,
  }: { readonly temperature: number; readonly shared: ClassMatch | null; readonly scope: PluginScope },
): tf.Scalar {
  const [own, taught] = [student.ofInstances, teacher.ofInstances];
  const other = shared !== null && !shared.same;
  const logits = other ? pickClasses(own.logits, shared.student, own.background) : own.logits;
  const target = other ? pickClasses(taught.logits, shared.teacher, taught.background) : taught.logits;
  const mask = other
    ? tf.mul(instances.mask, ofSharedClasses(instances.labels, shared, scope.student.categories.length))
    : instances.mask;
  const rows = <T extends tf.Tensor>(x: tf.Tensor, ...rest: number[]): T =>
    tf.reshape(x, [-1, ...rest]) as tf.Tensor as T;
  const classes = logits.shape[2];
  return responseLoss(rows(logits, classes), rows(target, classes), {
    temperature,
    weights: rows(weights),
    mask: rows(mask),
  });
}
