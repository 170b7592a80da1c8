import { type ImageSizes, sizesOnDevice, type Targets } from '@kd/core';
import {
  type AnchorOptions,
  assignMaxIou,
  type BoxCoderOptions,
  inOwnArea,
  matchBoxes,
  MAX_LOG_SIZE_RATIO,
} from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { FirstStageConfig } from './options.js';

/** What the two families of implementations do differently with one network. */
export interface FlavourRules {
  /** How anchors are laid out, beside their sizes and ratios. */
  grid(strides: readonly number[]): Pick<AnchorOptions, 'round' | 'strides'>;
  /** Limits of the decoder of both stages. */
  readonly coder: Pick<BoxCoderOptions, 'clipBelow'>;
  /** [b, a] int32: ground truth, -1 background, -2 ignored */
  assign(anchors: tf.Tensor2D, targets: Targets, config: Pick<FirstStageConfig, 'rpn' | 'input'>): tf.Tensor2D;
  /** Whether a proposal may have sides of just the smallest size. */
  readonly minSizeInclusive: boolean;
  /** What the losses of the first stage are divided by. @param positive [b, a], 1 or 0 @param sampled [b, a], 1 or 0 */
  divisor(positive: tf.Tensor, sampled: tf.Tensor2D): tf.Scalar;
  /** How levels are chosen for regions: by the scales that the sizes of a batch show, or by these strides. */
  levels(strides: readonly number[]): { readonly strides?: readonly number[] };
  /** Whether a ground truth that is sampled answers for itself, whatever it overlaps. */
  readonly ownTruth: boolean;
  /** A side in pixels below which a detection is dropped. */
  readonly minSide?: number;
}

const torchvision: FlavourRules = {
  grid: () => ({}),
  coder: {},
  assign: (anchors, targets, { rpn: { high, low } }) =>
    matchBoxes(targets.boxes, targets.mask, anchors, { high, low, lowQuality: true }),
  minSizeInclusive: true,
  divisor: (_, sampled) => tf.maximum(tf.sum(sampled), 1),
  levels: () => ({}),
  ownTruth: false,
  minSide: 1e-2,
};

const mmdet: FlavourRules = {
  grid: (strides) => ({ round: false, strides: strides.map((stride) => [stride, stride] as const) }),
  coder: { clipBelow: -MAX_LOG_SIZE_RATIO },
  assign: (anchors, { boxes, mask, imageSizes }, { rpn, input }) => {
    const valid = inOwnArea(anchors, imageSizes, input.sizeDivisible);
    const inside =
      rpn.allowedBorder === false ? valid : tf.mul<tf.Tensor2D>(valid, within(anchors, imageSizes, rpn.allowedBorder));
    return assignMaxIou({ boxes, mask, anchors, inside }, { ...rpn, lowQuality: true });
  },
  minSizeInclusive: false,
  divisor: (positive, sampled) => {
    const found = tf.sum(tf.mul(positive, sampled), 1);
    const others = tf.sub(tf.sum(sampled, 1), found);
    return tf.sum(tf.add(tf.maximum(found, 1), tf.maximum(others, 1)));
  },
  levels: (strides) => ({ strides }),
  ownTruth: true,
};

export const FLAVOURS = { torchvision, mmdet } as const;

/** [b, a] float32: 1 for anchors [a, 4] that leave their image, without its padding, by at most `border` pixels. */
function within(anchors: tf.Tensor2D, imageSizes: ImageSizes, border: number): tf.Tensor2D {
  const [x1, y1, x2, y2] = tf.split(tf.transpose(anchors), 4) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]; // [1, a]
  const sizes = sizesOnDevice(imageSizes);
  const side = (axis: 0 | 1): tf.Tensor => tf.add(tf.slice(sizes, [0, axis], [-1, 1]), border); // [b, 1]
  const low = tf.logicalAnd(tf.greaterEqual(x1, -border), tf.greaterEqual(y1, -border));
  const high = tf.logicalAnd(tf.less(x2, side(1)), tf.less(y2, side(0)));
  return tf.cast(tf.logicalAnd(low, high), 'float32') as tf.Tensor2D;
}
