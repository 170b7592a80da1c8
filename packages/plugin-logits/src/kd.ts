import {
  definePlugin,
  type Hooks,
  instanceWeights,
  nonNegative,
  type PluginScope,
  type StepView,
  termFactor,
  termSchedule,
  weighedStep,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { type Heads, checkHeads } from './check-heads.js';
import { denseKd } from './dense-kd.js';
import { instanceKd } from './instance-kd.js';
import { kdEntries, kdSettings, type KdSettings } from './kd-loss.js';

const optionsSchema = v.pipe(
  v.strictObject({
    ...kdEntries,
    /** Of the term; without it the published one of the loss, see the table in the README. */
    weight: v.optional(nonNegative),
    /**
     * Of dense heads: the priors that answer for an object, or all of them. Without it `positives` for `softmax`, else
     * `all`.
     */
    on: v.optional(v.picklist(['positives', 'all'])),
    /**
     * `same`: refuse dense heads whose priors may differ. `any`: the cells and priors of both belong together, although
     * the detectors say it in other words.
     */
    coding: v.optional(v.picklist(['same', 'any']), 'same'),
    instanceWeights,
    schedule: termSchedule,
  }),
  v.check(
    ({ loss, temperature }) => loss !== 'qfl' || temperature === undefined,
    'the loss qfl compares scores as they are: leave temperature out, or take loss "sigmoid"',
  ),
  v.check(
    ({ loss, reduction }) => loss === 'softmax' || loss === undefined || reduction === undefined,
    'reduction belongs to the loss softmax: leave it out; sigmoid and qfl are divided by the positives',
  ),
  v.check(
    ({ loss, reduction, on }) => on !== 'all' || (loss !== 'softmax' && reduction === undefined),
    'the softmax over the classes means nothing where there is no object: leave on out, or take loss "qfl" or "sigmoid"',
  ),
);

export type KdInput = v.InferInput<typeof optionsSchema>;
export type KdOptions = v.InferOutput<typeof optionsSchema>;

/**
 * Distillation of class scores: the student's logits learn the teacher's, softened or as they are.
 * Hinton et al., "Distilling the Knowledge in a Neural Network", 2015, in the forms that detectors use.
 */
export const kd = definePlugin<KdOptions, KdInput>({
  name: 'kd',
  apiVersion: 1,
  options: optionsSchema,
  requires: {},
  otherClasses: true,
  create,
});

function create(scope: PluginScope, options: KdOptions): Hooks {
  const heads = checkHeads(scope, options);
  const settings = settingsOf(heads, options);
  const weight = options.weight ?? usualWeight(heads, settings);
  const all = heads.kind === 'dense' && (options.on ?? (settings.loss === 'softmax' ? 'positives' : 'all')) === 'all';
  const loss = (step: StepView): tf.Scalar =>
    heads.kind === 'dense' && all ? denseKd(scope.id, step, heads, settings) : instanceKd(step, heads, settings);
  const { temperature, reduction } = settings;
  return {
    settled: {
      weight,
      loss: settings.loss,
      // What belongs to another loss, or to dense heads, would be refused.
      ...(settings.loss !== 'qfl' && { temperature }),
      ...(settings.loss === 'softmax' && { reduction }),
      ...(heads.kind === 'dense' && { on: all ? 'all' : 'positives' }),
    },
    lossCompose: (step) => ({ cls: tf.tidy(() => tf.mul<tf.Scalar>(loss(weighedStep(step, options)), weight)) }),
    schedule: (progress) => termFactor(options.schedule, progress),
  };
}

/** One distribution over classes and background, or a score a class. */
function settingsOf({ kind }: Heads, options: KdOptions): KdSettings {
  const loss = options.loss ?? (kind === 'regions' || options.reduction !== undefined ? 'softmax' : 'qfl');
  return kdSettings({
    ...options,
    loss,
    reduction: options.reduction ?? (kind === 'regions' ? 'batchmean' : 'classmean-weighted'),
  });
}

/** Of `qfl` those of CrossKD's comparison, of softmax over sigmoid logits those of LD. */
function usualWeight(heads: Heads, { loss, reduction }: KdSettings): number {
  if (loss === 'qfl') return heads.kind === 'dense' && heads.student.boxes === 'distance' ? 0.4 : 1;
  return loss === 'softmax' && heads.kind === 'dense' && reduction === 'classmean-weighted' ? 10 : 1;
}
