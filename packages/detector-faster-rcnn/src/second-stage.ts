import { firstRows, gatherRows, type Regions, type StepRng, type Targets } from '@kd/core';
import { boxIou, matchAnchors } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { Proposals } from './proposals.js';
import { mostPositives, type SampleRows, type SampleSize } from './sampler.js';

export interface RegionOptions extends SampleSize {
  readonly high: number;
  readonly low: number;
  /** Whether a ground truth that is sampled answers for itself, whatever it overlaps; default false. */
  readonly ownTruth?: boolean;
}

export interface SampledRegions extends Omit<Regions, 'sampledPriors'> {
  /** [b, n] float32: 1 for samples that were proposed, not ground truth */
  readonly proposed: tf.Tensor2D;
}

/** What the second stage trains on: proposals, then the ground truth, matched by IoU and sampled. */
export function sampleRegions(
  proposals: Pick<Proposals, 'boxes' | 'mask'>,
  targets: Targets,
  options: RegionOptions,
  sampleRows: SampleRows,
  rng: StepRng,
): SampledRegions {
  return tf.tidy(() => {
    const candidates = tf.concat([proposals.boxes, targets.boxes], 1) as tf.Tensor3D; // [b, p + g, 4]
    const usable = tf.cast(tf.concat([proposals.mask, targets.mask], 1), 'bool') as tf.Tensor2D;
    const matched = options.ownTruth
      ? (tf.concat([matchRegions(proposals.boxes, targets, options), places(targets.mask)], 1) as tf.Tensor2D)
      : matchRegions(candidates, targets, options);
    const zero = tf.scalar(0, 'int32');
    const positive = tf.logicalAnd(usable, tf.greaterEqual(matched, zero)) as tf.Tensor2D;
    const negative = tf.logicalAnd(usable, tf.equal(matched, tf.scalar(-1, 'int32'))) as tf.Tensor2D;
    const drawn = sampleRows('roi', { positive, negative }, options, rng);
    const room = Math.min(options.batchSize, candidates.shape[1]);
    const { rows, on } = firstRows(drawn, room);
    return {
      boxes: gatherRows<tf.Tensor3D>(candidates, rows),
      matched: tf.where<tf.Tensor>(on, gatherRows(matched, rows), tf.scalar(-2, 'int32')) as tf.Tensor2D,
      proposed: tf.cast(
        tf.logicalAnd(on, tf.less(rows, tf.scalar(proposals.mask.shape[1], 'int32'))),
        'float32',
      ) as tf.Tensor2D,
      maxPositives: Math.min(mostPositives(options), room),
    };
  });
}

/** [b, g] int32: 0, 1, … of each image */
const places = ({ shape: [b, g] }: tf.Tensor2D): tf.Tensor2D =>
  tf.tile(tf.expandDims(tf.range(0, g, 1, 'int32'), 0), [b, 1]) as tf.Tensor2D;

/** [b, n] int32: the ground truth of highest IoU with each box [b, n, 4], -1 background, -2 in between. */
export const matchRegions = (
  boxes: tf.Tensor3D,
  targets: Targets,
  { high, low }: Pick<RegionOptions, 'high' | 'low'>,
): tf.Tensor2D =>
  tf.tidy(() =>
    matchAnchors(boxIou(targets.boxes, boxes) as tf.Tensor3D, targets.mask, { high, low, lowQuality: false }),
  );
