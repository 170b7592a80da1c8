import { KdError } from '@kd/core';
import {
  fractionNumber as fraction,
  MOST,
  shortList,
  strictOptions as options,
  wholeNumber as whole,
} from '@kd/vision';
import * as v from 'valibot';
import {
  beta,
  DEFAULTS,
  type FasterRcnnConfig,
  factorsOfBoxes,
  firstStage,
  type FirstStageConfig,
  firstStageEntries,
  poolEntries,
  type Pooling,
  poolingOf,
  postEntries,
} from './options.js';

const stage = options({
  iou: fraction,
  weight: v.pipe(v.number(), v.minValue(0, 'must not be negative')),
  boxWeights: factorsOfBoxes,
});

const STAGES = [
  { iou: 0.5, weight: 1, boxWeights: [10, 10, 5, 5] },
  { iou: 0.6, weight: 0.5, boxWeights: [20, 20, 10, 10] },
  { iou: 0.7, weight: 0.25, boxWeights: [30, 30, 15, 15] },
];

const { version: _none, ...entries } = firstStageEntries;

export const cascadeSchema = options({
  ...entries,
  stages: v.optional(v.pipe(shortList(stage), v.minLength(1, 'must have at least one stage')), STAGES),
  roi: v.optional(
    options({
      ...poolEntries,
      batchSize: v.optional(whole(1, MOST.rows), 512),
      positiveFraction: v.optional(fraction, 0.25),
      beta: v.optional(beta, 1),
    }),
    {},
  ),
  box: v.optional(
    options({
      representationSize: v.optional(whole(1, MOST.width), 1024),
      /** One box for all classes, instead of one each. */
      classAgnostic: v.optional(v.boolean('must be true or false'), true),
    }),
    {},
  ),
  post: v.optional(options(postEntries), {}),
});

export type CascadeRcnnInput = v.InferInput<typeof cascadeSchema>;
export type CascadeRcnnOptions = v.InferOutput<typeof cascadeSchema>;

export interface CascadeRcnnConfig
  extends FirstStageConfig,
    Pick<CascadeRcnnOptions, 'stages' | 'box'>,
    Pick<FasterRcnnConfig, 'post'> {
  readonly roi: Omit<CascadeRcnnOptions['roi'], keyof Pooling> & Pooling;
}

/** @throws KdError CONFIG_INVALID when anchors and levels, or the thresholds of the stages, do not fit each other */
export function resolveCascade(given: CascadeRcnnOptions): CascadeRcnnConfig {
  const { stages, roi, box, post } = given;
  const ious = stages.map(({ iou }) => iou);
  if (ious.some((iou, i) => i > 0 && iou < ious[i - 1]!)) {
    throw new KdError(
      'CONFIG_INVALID',
      `cascade-rcnn: each stage refines the boxes of the one before it, so the stages' \`iou\` must not fall, but they are ${ious.join(', ')}.`,
    );
  }
  // The box heads are mmdetection's, and pool as they do, whatever the first stage.
  const pooling = poolingOf(roi, DEFAULTS.mmdet.pooling);
  return { ...firstStage(given, 'cascade-rcnn'), stages, roi: { ...roi, ...pooling }, box, post };
}
