import {
  checkSameCells,
  definePlugin,
  type Hooks,
  instanceWeights,
  KdError,
  neckStrides,
  nonNegative,
  pairedTaps,
  type PluginScope,
  type StepView,
  type TapPair,
  type TapRequests,
  termFactor,
  type TermSchedule,
  termSchedule,
  weighedStep,
} from '@kd/core';
import { flattenLevels, insideImages, objectWeights } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { createHelper, type Helper, look, queriesOf } from './helper.js';
import { helperLosses } from './helper-losses.js';
import { createLinear, type Linear } from './linear.js';
import { mimicLoss } from './mimic-loss.js';
import { type ConditionalInstances, sampleInstances } from './sample-instances.js';
import { sinePosition } from './sine-position.js';

const count = (most: number, least = 1) => v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

const optionsSchema = v.strictObject({
  /** Of the student's term; without it 8 for one-stage and 3 for two-stage detectors. */
  weight: v.optional(nonNegative),
  /** Heads of the helper's attention; the teacher's channels are divided among them. */
  heads: v.optional(count(256), 8),
  /** Fakes for every object, from which the helper tells it. */
  fakes: v.optional(count(100, 0), 5),
  /** Objects and fakes of an image, at most; without it 300 for one-stage and 100 for two-stage detectors. */
  slots: v.optional(count(10_000)),
  /** The helper is asked about places off an object's centre by up to this share of its size. */
  jitter: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(0.49)), 0.3),
  /** How the student's term is averaged: image by image and head by head, or all of them together. */
  variant: v.optional(v.picklist(['torch', 'megengine']), 'torch'),
  /** The helper's AdamW. */
  helper: v.optional(
    v.strictObject({
      lr: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1e3)), 1e-4),
      clipNorm: v.optional(v.nullable(v.pipe(v.number(), v.gtValue(0), v.maxValue(1e6))), 0.01),
    }),
    {},
  ),
  /** Taps of the neck that both models have, paired by stride; without it the whole neck. */
  taps: v.optional(pairedTaps),
  instanceWeights,
  /** Of the student's term; without it from step 1000 on. Before, its projection and the helper learn alone. */
  schedule: v.optional(v.unwrap(termSchedule)),
});

export type IcdInput = v.InferInput<typeof optionsSchema>;
export type IcdOptions = v.InferOutput<typeof optionsSchema>;

const LATE: TermSchedule = { start: 1000, warmup: 0, decay: 'none' };

/**
 * Instance-conditional distillation: a helper that is trained to find objects in the teacher's features shows the
 * student where to look in them.
 * Kang et al., "Instance-Conditional Knowledge Distillation for Object Detection", NeurIPS 2021.
 */
export const icd = definePlugin<IcdOptions, IcdInput>({
  name: 'icd',
  apiVersion: 1,
  options: optionsSchema,
  requires: {},
  create,
});

export default icd;

/** What exists from `featureTap` on. */
interface Parts {
  readonly pairs: readonly TapPair[];
  readonly channels: number;
  readonly helper: Helper;
  readonly student: Linear;
}

function create(scope: PluginScope, options: IcdOptions): Hooks {
  const twoStage = scope.student.secondStage !== undefined;
  const weight = options.weight ?? (twoStage ? 3 : 8);
  const slots = options.slots ?? (twoStage ? 100 : 300);
  const schedule = options.schedule ?? LATE;
  const classes = scope.student.categories.length;
  let parts: Parts | undefined;

  return {
    settled: { weight, slots, schedule },

    featureTap: (requests) => void (parts = makeParts(scope, requests, options)),

    lossCompose: (step) =>
      tf.tidy(() => {
        const { pairs, channels, helper, student } = parts!;
        const maps = pairs.map((pair) => {
          const [own, teacher] = [step.student.tap(pair.student), step.teacher.tap(pair.teacher)];
          checkSameCells(scope.id, pair.student.name, own, teacher);
          return { own, teacher };
        });
        const valid = maps.map(
          ({ teacher }, level): tf.Tensor3D =>
            tf.squeeze(insideImages(teacher.shape, pairs[level]!.stride, step.targets.imageSizes), [3]),
        );
        const instances = sampleInstances(step.targets, step.rng, { ...options, classes, slots });
        const cells = flattenLevels(
          maps.map(({ teacher }) => teacher),
          channels,
        );
        const looked = look(
          helper,
          {
            cells,
            positions: tf.concat(
              valid.map((map) => sinePosition(map, channels)),
              1,
            ),
            padding: tf.sub(
              1,
              tf.concat(
                valid.map((map) => tf.reshape(map, [map.shape[0], -1])),
                1,
              ),
            ),
            queries: queriesOf(helper, instances, { classes, channels }),
          },
          options.heads,
        );
        const counts = step.scalar((progress) => (termFactor(schedule, progress) === 0 ? 0 : 1));
        const own = flattenLevels(
          maps.map((map) => map.own),
          student.kernel.shape[0],
        );
        const value = mimicLoss(
          {
            student: gated(own, counts),
            values: looked.values,
            attention: looked.attention,
            real: instances.real,
            trust: trustOf(scope, weighedStep(step, options), instances, { pairs, maps }),
          },
          student,
          { variant: options.variant },
        );
        const { confidence, location } = helperLosses(looked.pred, instances);
        return {
          // Before it counts, the term teaches the student's projection alone.
          value: tf.mul<tf.Scalar>(
            value,
            step.scalar((progress) => weight * (termFactor(schedule, progress) || 1)),
          ),
          helperConfidence: step.ownOnly(confidence),
          helperLocation: step.ownOnly(location),
        };
      }),

    // Without a weight, once it is over, or where the run ends before it starts, there is nothing to learn, for the
    // helper neither.
    schedule: ({ step, steps }) =>
      weight === 0 || schedule.start >= steps || (schedule.stop !== undefined && step >= schedule.stop) ? 0 : 1,
  };
}

/** x, whose gradient is multiplied by the gate. */
const gated = (x: tf.Tensor3D, gate: tf.Scalar): tf.Tensor3D =>
  tf.customGrad((value, by, save) => {
    (save as tf.GradSaveFunc)([by as tf.Tensor]);
    return {
      value: tf.clone(value as tf.Tensor),
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => [tf.mul(dy, saved!), tf.zerosLike(saved!)],
    };
  })(x, gate) as tf.Tensor3D;

function makeParts(scope: PluginScope, requests: TapRequests, options: IcdOptions): Parts {
  const pairs = requests.pair(options.taps ?? 'neck@*', { channels: 'any' });
  const [first] = pairs;
  const [channels, from] = [first!.teacher.channels, first!.student.channels];
  const odd = pairs.find(({ student, teacher }) => student.channels !== from || teacher.channels !== channels);
  if (odd !== undefined) {
    throw new KdError(
      'TAP_MISMATCH',
      `${scope.id}: all levels share one projection, and ${odd.student.name} has other channels than ${first!.student.name}. Name levels of one width in taps.`,
    );
  }
  if (channels % options.heads !== 0 || channels % 4 !== 0) {
    throw new KdError(
      'CONFIG_INVALID',
      `${scope.id}: the teacher's neck has ${channels} channels, which ${options.heads} heads cannot share; they must be a multiple of 4 and of heads. Set heads, e.g. to ${channels % 4 === 0 ? 4 : 1}, or take a teacher of another width.`,
    );
  }
  const { lr, clipNorm } = options.helper;
  const own = scope.variables({ optimizer: { name: 'adamw', lr }, clipNorm });
  return {
    pairs,
    channels,
    helper: createHelper(own, { classes: scope.student.categories.length, channels }),
    student: createLinear(scope, 'student/value', from, channels),
  };
}

/** What each object counts at the cells of each level: [b, i, l], 1 for fakes. */
function trustOf(
  { student }: PluginScope,
  { weights, instances: table, targets }: StepView,
  { objects, real }: ConditionalInstances,
  { pairs, maps }: { readonly pairs: readonly TapPair[]; readonly maps: readonly { readonly own: tf.Tensor4D }[] },
): tf.Tensor3D | undefined {
  const trust = weights.get();
  if (trust === null) return undefined;
  const [b, rows] = real.shape;
  const neck = neckStrides(student);
  return tf.concat(
    pairs.map(({ stride }, i) => {
      const [, h, w] = maps[i]!.own.shape;
      const level = trust.levels[neck.indexOf(stride)];
      if (level === undefined) return tf.ones<tf.Rank.R3>([b, rows, h * w]);
      const own = tf.slice(objectWeights(level, table.matched, targets.mask.shape[1]), [0, 0], [-1, objects]);
      const all = tf.concat([own, tf.ones([b, rows - objects])], 1);
      return tf.tile(tf.expandDims(all, 2), [1, 1, h * w]) as tf.Tensor3D;
    }),
    2,
  );
}
