import {
  aboveZero,
  adapterOptions,
  type CellScores,
  checkCellScores,
  comparedMaps,
  definePlugin,
  type DenseInfo,
  ENGINE,
  type Hooks,
  KdError,
  type NeckPair,
  neckPairs,
  nonNegative,
  pairedTaps,
  type PluginScope,
  type Predictions,
  type Role,
  type StepView,
  termFactor,
  termSchedule,
  untaped,
} from '@kd/core';
import { flattenLevels, integral, multiScaleRoiAlign } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { anchorsOf } from './anchors.js';
import { featureLoss, type PooledInstances, relationLoss, responseLosses } from './instance-losses.js';
import { responseMask } from './response-mask.js';
import { type GeneralInstances, type ScoredBoxes, selectInstances } from './select-instances.js';

const count = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most));
const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

const optionsSchema = v.strictObject({
  /** Factors of the terms. */
  feature: v.optional(nonNegative, 0.0005),
  relation: v.optional(nonNegative, 40),
  responseCls: v.optional(nonNegative, 0.1),
  responseReg: v.optional(nonNegative, 1),
  /** Instances of an image, at most. */
  topk: v.optional(count(1000), 10),
  /** Overlap with a chosen instance above which a box is dropped. */
  nms: v.optional(fraction, 0.3),
  /** Sides of an instance are longer than that, in pixels. */
  minSide: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1e6)), 10),
  /** Overlap from which on an anchor answers for an instance. */
  matchIou: v.optional(fraction, 0.5),
  /** Bins a side of the pooled features. */
  roiSize: v.optional(count(64), 10),
  /** Side in pixels of the instances at the lower end of the level of stride 16. */
  canonicalSize: v.optional(aboveZero, 224),
  /** Side in strides of the square that stands for the anchor of a point, of detectors that predict distances. */
  virtualAnchor: v.optional(aboveZero, 8),
  /** Taps of the neck that both models have; without it the whole neck, p2 to p5 for two-stage detectors. */
  taps: v.optional(pairedTaps),
  adapter: v.optional(v.picklist(['none', 'conv1x1', 'conv3x3']), 'none'),
  schedule: termSchedule,
});

export type GidInput = v.InferInput<typeof optionsSchema>;
export type GidOptions = v.InferOutput<typeof optionsSchema>;

/** log2 of the stride of the level that instances of `canonicalSize` are pooled from. */
const CANONICAL_LEVEL = 4;

/**
 * General instance distillation: where student and teacher disagree most, the student learns the teacher's features,
 * how they lie to each other, and what its head says.
 * Dai et al., "General Instance Distillation for Object Detection", CVPR 2021.
 */
export const gid = definePlugin<GidOptions, GidInput>({
  name: 'gid',
  apiVersion: 1,
  options: optionsSchema,
  requires: {},
  create,
});

export default gid;

function create(scope: PluginScope, options: GidOptions): Hooks {
  const scores = checkCellScores(scope);
  const engine = scope.resolve(ENGINE);
  const runOp = engine.runOp?.bind(engine);
  const { feature, relation, responseCls, responseReg } = options;
  let pairs: readonly NeckPair[] = [];

  /** Both necks under the instances. */
  const pooled = (step: StepView, { boxes, mask }: GeneralInstances): PooledInstances => {
    const maps = comparedMaps(scope.id, step, pairs);
    const pool = (role: 'student' | 'teacher'): tf.Tensor5D =>
      multiScaleRoiAlign(
        maps.map((one) => one[role]),
        boxes,
        {
          outputSize: options.roiSize,
          samplingRatio: 2,
          aligned: true,
          imageSizes: step.targets.imageSizes,
          canonicalScale: options.canonicalSize,
          canonicalLevel: CANONICAL_LEVEL,
          strides: pairs.map(({ stride }) => stride),
          ...(runOp && { runOp }),
        },
      ).features;
    return { student: pool('student'), teacher: pool('teacher'), mask };
  };

  return {
    featureTap(requests) {
      pairs = neckPairs(scope, requests, {
        taps: options.taps,
        adapter: adapterOptions(options.adapter),
        pooled: false,
      });
    },

    lossCompose: (step) =>
      tf.tidy(() => {
        const heads = headsOf(scope, step, scores);
        const instances = selectInstances(heads.student.scored, heads.teacher.scored, {
          topk: options.topk,
          nms: options.nms,
          minSide: options.minSide,
          imageSizes: step.targets.imageSizes,
        });
        const terms: Record<string, tf.Scalar> = {};
        if (feature + relation > 0) {
          const features = pooled(step, instances);
          if (feature > 0) terms['feature'] = tf.mul(featureLoss(features), feature);
          if (relation > 0) terms['relation'] = tf.mul(relationLoss(features), relation);
        }
        if (responseCls + responseReg > 0) {
          const anchors = anchorsOf(
            step.priors,
            scope.student.dense?.boxes === 'distance' ? options.virtualAnchor : null,
          );
          const { cls, reg } = responseLosses({
            studentClasses: heads.student.classes,
            teacherClasses: heads.teacher.classes,
            studentBoxes: codesOf(heads.student.raw, scope.student.dense),
            teacherBoxes: codesOf(heads.teacher.raw, scope.student.dense),
            mask: responseMask(anchors, instances, options.matchIou),
          });
          if (responseCls > 0) terms['responseCls'] = tf.mul(cls, responseCls);
          if (responseReg > 0) terms['responseReg'] = tf.mul(reg, responseReg);
        }
        return terms;
      }),

    // Without a factor there is nothing to learn: the run says so, and computes nothing for it.
    schedule: (progress) =>
      feature + relation + responseCls + responseReg === 0 ? 0 : termFactor(options.schedule, progress),
  };
}

interface Head {
  /** [b, a, k] before sigmoid */
  readonly classes: tf.Tensor3D;
  /** [b, a, 4] codes, or [b, a, 4·bins] of distributions */
  readonly raw: tf.Tensor3D;
  /** What instances are chosen by; no gradient. */
  readonly scored: ScoredBoxes;
}

/** What both dense heads, or both region proposal networks, say of all anchors. */
function headsOf(
  { id, student, teacher }: PluginScope,
  step: StepView,
  scores: CellScores,
): { student: Head; teacher: Head } {
  const { dense } = student;
  const shared = (role: Role): Predictions => {
    const { cls = [], reg = [] } = step[role].predictions;
    return { cls: cls.map((map) => scores.shared(role, map)), reg };
  };
  const maps = { student: shared('student'), teacher: shared('teacher') };
  checkSameHeads(id, maps.student, maps.teacher);
  // A region proposal network has one score an anchor.
  const [cls, reg] = [maps.student['cls']![0]!, maps.student['reg']![0]!];
  const classes = cls.shape[3] / (dense?.priorsPerCell ?? reg.shape[3] / 4);
  const head = (role: Role): Head => {
    const logits = flattenLevels(maps[role]['cls']!, classes);
    const raw = flattenLevels(maps[role]['reg']!, 4 * (dense?.bins ?? 1));
    const scored = {
      // The best of the scores is the score of the best logit.
      scores: untaped(() => tf.sigmoid<tf.Tensor2D>(tf.max(logits, 2))),
      boxes: untaped(() => (role === 'student' ? step.decode(raw) : teacher.decode(raw, step.priors))),
    };
    return { classes: logits, raw, scored };
  };
  return { student: head('student'), teacher: head('teacher') };
}

/** @throws KdError TAP_MISMATCH when levels or priors of the heads differ */
function checkSameHeads(id: string, own: Predictions, taught: Predictions): void {
  const told = (maps: Predictions): string =>
    ['cls', 'reg']
      .map((map) => maps[map]?.map(({ shape }) => shape.slice(1).join(' x ')).join(', ') ?? 'none')
      .join('; ');
  if (told(own) === told(taught)) return;
  throw new KdError(
    'TAP_MISMATCH',
    `${id}: the heads have other maps: the student ${told(own)}, the teacher ${told(taught)}. Give both the same levels and anchors.`,
  );
}

/** [b, a, 4]: codes as they are, of distributions the expected distance in strides. */
const codesOf = (raw: tf.Tensor3D, dense: DenseInfo | undefined): tf.Tensor3D =>
  dense?.boxes === 'distribution' ? integral(raw, dense.bins!) : raw;
