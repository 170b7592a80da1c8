import {
  definePlugin,
  type Hooks,
  instanceWeights,
  KdError,
  nonNegative,
  pairedTaps,
  type PluginScope,
  type StepView,
  type TapPair,
  termFactor,
  termSchedule,
  weighedStep,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { type Embeddings, ofLevels, ofOwnLevel, ofRegions } from './embeddings.js';
import { relationEntries, type Relations, rkdLoss } from './rkd-loss.js';
import { sampleRows } from './sample-rows.js';

const amount = v.optional(nonNegative);

const optionsSchema = v.strictObject({
  ...relationEntries,
  /**
   * `rkd`: one set of embeddings, of pooled regions or of the crop of an instance's own level. `gk`: crops of every
   * level of the neck, a set
   * each, as Tang et al. compare with.
   */
  flavour: v.optional(v.picklist(['rkd', 'gk']), 'rkd'),
  /** Factors of the terms; without them 25 and 50, of `gk` 5 and 10. */
  distance: amount,
  angle: amount,
  /** Instances of a batch, drawn anew every step: memory grows with the third power. */
  cap: v.optional(v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(512)), 64),
  /** Of two-stage detectors, `rkd`: all bins of a region, or their mean. */
  embedding: v.optional(v.picklist(['flatten', 'mean']), 'flatten'),
  /** Taps of the levels that the heads read; one a stride. */
  neck: v.optional(pairedTaps, 'neck@*'),
  instanceWeights,
  /** Without it `gk` fades to 1 / epochs. */
  schedule: v.optional(v.unwrap(termSchedule)),
});

export type RkdInput = v.InferInput<typeof optionsSchema>;
export type RkdOptions = v.InferOutput<typeof optionsSchema>;

/** What the flavours differ in: factors of public code, and how few instances have no relation. */
const FLAVOURS = {
  rkd: { distance: 25, angle: 50, least: 3, decay: 'none' },
  gk: { distance: 5, angle: 10, least: 2, decay: 'epoch' },
} as const;

/**
 * Relations of instances: how far the student's embeddings of them are from each other, and at which angles, learns
 * from the teacher.
 * Park et al., "Relational Knowledge Distillation", CVPR 2019; `gk` as in Tang et al., ECCV 2022.
 */
export const rkd = definePlugin<RkdOptions, RkdInput>({
  name: 'rkd',
  apiVersion: 1,
  options: optionsSchema,
  requires: {},
  create,
});

function create(scope: PluginScope, options: RkdOptions): Hooks {
  const { flavour, unitLength, duplicates, cap } = options;
  const usual = FLAVOURS[flavour];
  const schedule = options.schedule ?? { start: 0, warmup: 0, decay: usual.decay };
  const pooled = usesRegions(scope, flavour);
  const factors = { distance: options.distance ?? usual.distance, angle: options.angle ?? usual.angle };
  let pairs: readonly TapPair[] = [];

  const sets = (step: StepView, rows: tf.Tensor2D): readonly Embeddings[] => {
    if (pooled) return [ofRegions(step, rows, options.embedding)];
    return flavour === 'gk' ? ofLevels(step, rows, pairs) : [ofOwnLevel(scope.id, step, rows, pairs)];
  };

  return {
    settled: { ...factors, schedule },

    featureTap(requests) {
      if (!pooled) pairs = requests.pair(options.neck, { channels: 'any' });
    },

    lossCompose: (step) =>
      tf.tidy(() => {
        const { rows, mask, weights } = sampleRows(weighedStep(step, options), cap);
        const trusted = flavour === 'rkd' ? weights : undefined;
        const relations = sets(step, rows).map(({ student, teacher }) =>
          rkdLoss(student, teacher, { unitLength, duplicates, least: usual.least }, { mask, weights: trusted }),
        );
        const term = (part: keyof Relations): tf.Scalar =>
          tf.mul(tf.addN(relations.map((one) => one[part])), factors[part]);
        return { distance: term('distance'), angle: term('angle') };
      }),

    // Without a factor there is nothing to learn: the run says so, and computes nothing for it.
    schedule: (progress) => (factors.distance + factors.angle === 0 ? 0 : termFactor(schedule, progress)),
  };
}

/** Whether embeddings are pooled regions, of two second stages, instead of crops of the necks. */
function usesRegions({ id, student, teacher }: PluginScope, flavour: RkdOptions['flavour']): boolean {
  if (student.secondStage === undefined && student.dense === undefined) {
    throw new KdError(
      'PLUGIN_REQUIRES',
      `${id}: the student (${student.name}) has neither a dense head nor a second stage, so that there are no instances to relate. Take a detector that offers one of them.`,
    );
  }
  if (flavour === 'gk' || student.secondStage === undefined) return false;
  if (teacher.secondStage === undefined) {
    throw new KdError(
      'TEACHER_INVALID',
      `${id}: the student (${student.name}) pools regions and the teacher (${teacher.name}) has one stage alone. Take a two-stage teacher, or flavour: 'gk', which reads the necks of both.`,
    );
  }
  return true;
}
