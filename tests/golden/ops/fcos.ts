import { assignPoints, centernessOf, defaultRanges } from '@kd/detector-fcos';
import { geometricScore } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { functional, onHost, out, type Op } from './case.js';

/** Points of a level share a size: that of its first anchor. */
function assigned(
  anchors: tf.Tensor2D,
  corners: ArrayLike<number>,
  gt: tf.Tensor2D,
  perLevel: readonly number[],
  radius: number,
): tf.Tensor {
  const firsts = perLevel.map((_, level) => perLevel.slice(0, level).reduce((sum, n) => sum + n, 0));
  const ranges = defaultRanges(
    firsts.map((first) => corners[first * 4 + 2]! - corners[first * 4]!),
    'torchvision',
  );
  const targets = { boxes: tf.expandDims<tf.Tensor3D>(gt, 0), mask: tf.ones<tf.Rank.R2>([1, gt.shape[0]]) };
  return tf.squeeze(
    assignPoints({ boxes: anchors, perLevel }, targets, { flavour: 'torchvision', radius, ranges }),
    [0],
  );
}

export const fcosOps: Readonly<Record<string, Op>> = {
  'FCOS centerness': functional(({ ltrb }) => out(centernessOf(ltrb!))),
  'FCOS score': onHost(({ cls, ctr }) => {
    const classes = cls!.values.length / ctr!.values.length;
    return out(
      Float32Array.from(cls!.values, (logit, i) => geometricScore(logit, ctr!.values[Math.floor(i / classes)]!)),
    );
  }),
  'FCOS assignment': functional(({ anchors, gt }, { radius, anchors_per_level }, stored) => ({
    matched: assigned(
      anchors as tf.Tensor2D,
      stored['anchors']!.values,
      gt as tf.Tensor2D,
      anchors_per_level as number[],
      radius as number,
    ),
  })),
};
