import { type Adapter, applyAdapter } from '@kd/core';
import { cellError, detach, root } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { spatialAttention } from '../attention.js';
import { applyNonLocal, type NonLocalBlock } from './non-local.js';

/** What is trained beside the student for a level. */
export interface FbkdBlocks {
  /** 1x1 from the student's channels to the teacher's: of the features, of their means, of the relations. */
  readonly feature: Adapter;
  readonly channel: Adapter;
  readonly relation: Adapter;
  /** 3x3 of one channel. */
  readonly spatial: Adapter;
  readonly student: NonLocalBlock;
  readonly teacher: NonLocalBlock;
}

/** A level: [b, h, w, c] of the student as it is, and of the teacher. */
export interface FbkdLevel {
  readonly student: tf.Tensor4D;
  readonly teacher: tf.Tensor4D;
  readonly blocks: FbkdBlocks;
}

export interface FbkdTerms {
  readonly feature: tf.Scalar;
  readonly channel: tf.Scalar;
  readonly spatial: tf.Scalar;
  readonly relation: tf.Scalar;
}

/**
 * Euclidean norms over the whole batch: of the features where both models attend, of their means over the cells and
 * over the channels, and of what non-local blocks make of the maps. Levels add up. Student and blocks get gradients, 0
 * where a norm is.
 * Zhang and Ma, "Improve Object Detection with Feature-based Knowledge Distillation", ICLR 2021.
 */
export function fbkdLoss(levels: readonly FbkdLevel[], { temperature = 0.5 } = {}): FbkdTerms {
  const all = levels.map((level) => levelTerms(level, temperature));
  const sum = (part: keyof FbkdTerms): tf.Scalar =>
    all.length === 0 ? tf.scalar(0) : tf.addN(all.map((terms) => terms[part]));
  return { feature: sum('feature'), channel: sum('channel'), spatial: sum('spatial'), relation: sum('relation') };
}

function levelTerms({ student, teacher, blocks }: FbkdLevel, temperature: number): FbkdTerms {
  const attention = detach(
    tf.div(tf.add(spatialAttention(student, temperature), spatialAttention(teacher, temperature)), 2),
  );
  const error = cellError(applyAdapter(student, blocks.feature), teacher); // [b, h, w]
  const overCells = (map: tf.Tensor4D): tf.Tensor4D => tf.mean(map, [1, 2], true);
  const overChannels = (map: tf.Tensor4D): tf.Tensor4D => tf.mean(map, 3, true);
  return {
    feature: root(tf.sum(tf.mul(error, attention))),
    channel: distance(overCells(teacher), applyAdapter(overCells(student), blocks.channel)),
    spatial: distance(overChannels(teacher), applyAdapter(overChannels(student), blocks.spatial)),
    relation: distance(
      applyNonLocal(teacher, blocks.teacher),
      applyAdapter(applyNonLocal(student, blocks.student), blocks.relation),
    ),
  };
}

const distance = (a: tf.Tensor, b: tf.Tensor): tf.Scalar => root(tf.sum(tf.squaredDifference(a, b)));
