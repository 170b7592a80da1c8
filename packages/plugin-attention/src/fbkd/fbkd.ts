import {
  aboveZero,
  checkSameCells,
  createAdapter,
  definePlugin,
  type Hooks,
  type NeckPair,
  nonNegative,
  ownOptimizer,
  pairMaps,
  type PluginScope,
  type StepView,
  termFactor,
  type VariableMaker,
  variableMaker,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { commonEntries } from '../entries.js';
import { type FbkdBlocks, fbkdLoss } from './fbkd-loss.js';
import { createNonLocal } from './non-local.js';

const optionsSchema = v.strictObject({
  /** Factors of the terms. */
  weights: v.optional(
    v.strictObject({
      feature: v.optional(nonNegative, 7e-5),
      channel: v.optional(nonNegative, 4e-3),
      spatial: v.optional(nonNegative, 4e-3),
      relation: v.optional(nonNegative, 7e-5),
    }),
    {},
  ),
  /** Of the attention. */
  temperature: v.optional(aboveZero, 0.5),
  /** Windows of the non-local blocks, a level each, finest first; the last one for all further levels. */
  pools: v.optional(
    v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1024))), v.minLength(1)),
    [8, 4, 2],
  ),
  ownOptimizer,
  ...commonEntries,
});

export type FbkdInput = v.InferInput<typeof optionsSchema>;
export type FbkdOptions = v.InferOutput<typeof optionsSchema>;

/**
 * Features where both models attend, and the relations between cells.
 * Zhang and Ma, "Improve Object Detection with Feature-based Knowledge Distillation", ICLR 2021.
 */
export const fbkd = definePlugin<FbkdOptions, FbkdInput>({
  name: 'fbkd',
  apiVersion: 1,
  options: optionsSchema,
  requires: {},
  create,
});

function create(scope: PluginScope, options: FbkdOptions): Hooks {
  const { weights, pools } = options;
  const maker = variableMaker(scope, options.ownOptimizer);
  let pairs: readonly NeckPair[] = [];
  let blocks: readonly FbkdBlocks[] = [];

  return {
    featureTap(requests) {
      // P2 to P6 are the levels of the published two-stage setting; the blocks hold the adapters.
      pairs = requests.pair(options.taps ?? 'neck@*', { channels: 'any' }).map((pair) => ({ ...pair, adapter: null }));
      blocks = pairs.map((pair, i) => createBlocks(maker, pair, pools[i] ?? pools.at(-1)!));
    },

    lossCompose: (step) =>
      tf.tidy(() => {
        const terms = fbkdLoss(levelsOf(scope, step, pairs, blocks), options);
        return {
          feature: tf.mul(terms.feature, weights.feature),
          channel: tf.mul(terms.channel, weights.channel),
          spatial: tf.mul(terms.spatial, weights.spatial),
          relation: tf.mul(terms.relation, weights.relation),
        };
      }),

    schedule: (progress) => termFactor(options.schedule, progress),
  };
}

function createBlocks(maker: VariableMaker, { student, teacher }: NeckPair, pool: number): FbkdBlocks {
  const { name } = student;
  const [from, to] = [student.channels, teacher.channels];
  const adapter = (part: string) => createAdapter(maker, `${name}/${part}`, from, to);
  const nonLocal = (part: string, channels: number) =>
    // Fewer channels where there are many cells.
    createNonLocal(maker, `${name}/${part}`, {
      channels,
      inner: Math.max(1, Math.floor(channels / (pool >= 4 ? 4 : 2))),
      pool,
    });
  return {
    feature: adapter('feature'),
    channel: adapter('channel'),
    relation: adapter('relation'),
    spatial: createAdapter(maker, `${name}/spatial`, 1, 1, { size: 3 }),
    student: nonLocal('student', from),
    teacher: nonLocal('teacher', to),
  };
}

function levelsOf(scope: PluginScope, step: StepView, pairs: readonly NeckPair[], blocks: readonly FbkdBlocks[]) {
  const { students, teachers } = pairMaps(step, pairs);
  return students.map((student, i) => {
    const teacher = teachers[i]!;
    checkSameCells(scope.id, pairs[i]!.student.name, student, teacher);
    return { student, teacher, blocks: blocks[i]! };
  });
}
