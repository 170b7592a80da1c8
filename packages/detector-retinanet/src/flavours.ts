import type { BoxCode, Priors, Targets } from '@kd/core';
import {
  type AnchorOptions,
  assignMaxIou,
  type BoxCoderOptions,
  inOwnArea,
  type IouLossOptions,
  matchBoxes,
  MAX_LOG_SIZE_RATIO,
} from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { RetinaNetConfig } from './options.js';

/** What the two families of implementations do differently with one network. */
export interface FlavourRules {
  /** How anchors are laid out, beside their sizes and ratios. */
  grid(strides: readonly number[]): Pick<AnchorOptions, 'round' | 'strides'>;
  readonly coder: BoxCoderOptions & Pick<BoxCode & { readonly code: 'delta' }, 'weights' | 'clip'>;
  readonly giou: IouLossOptions;
  /** [b, a] int32: ground truth, -1 background, -2 ignored */
  assign(priors: Priors, targets: Targets, config: Pick<RetinaNetConfig, 'matcher' | 'input'>): tf.Tensor2D;
  /** From an image's sums and positives, [b] both, to the term. */
  average(sums: tf.Tensor1D, positives: tf.Tensor1D): tf.Scalar;
}

const torchvision: FlavourRules = {
  // A level's stride is the whole quotient of batch and level.
  grid: () => ({ round: true }),
  coder: { weights: [1, 1, 1, 1], clip: MAX_LOG_SIZE_RATIO },
  giou: { eps: 1e-7 },
  assign: ({ boxes }, targets, { matcher }) => matchBoxes(targets.boxes, targets.mask, boxes, matcher),
  average: (sums, positives) => tf.mean(tf.div(sums, tf.maximum(positives, 1))),
};

const mmdet: FlavourRules = {
  grid: (strides) => ({ round: false, strides: strides.map((stride) => [stride, stride] as const) }),
  coder: { weights: [1, 1, 1, 1], clip: MAX_LOG_SIZE_RATIO, clipBelow: -MAX_LOG_SIZE_RATIO },
  giou: { eps: 1e-6, floor: true },
  assign: ({ boxes }, { boxes: wanted, mask, imageSizes }, { matcher, input }) =>
    assignMaxIou(
      { boxes: wanted, mask, anchors: boxes, inside: inOwnArea(boxes, imageSizes, input.sizeDivisible) },
      matcher,
    ),
  average: (sums, positives) => tf.div(tf.sum(sums), tf.sum(tf.maximum(positives, 1))),
};

export const FLAVOURS = { torchvision, mmdet } as const;
