import { checkSameMaps } from '@kd/core';
import { absolute } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { channelAttention, spatialAttention } from '../attention.js';
import { applyContextBlock, type ContextBlock } from './context-block.js';
import type { FocalMasks } from './focal-masks.js';

/** A level: maps of one shape [b, h, w, c], the student's behind its adapter. */
export interface FgdLevel extends FocalMasks {
  readonly student: tf.Tensor4D;
  readonly teacher: tf.Tensor4D;
  /** The blocks that `relation` compares the maps behind. */
  readonly blocks: { readonly student: ContextBlock; readonly teacher: ContextBlock };
}

export interface FgdTerms {
  readonly foreground: tf.Scalar;
  readonly background: tf.Scalar;
  readonly attention: tf.Scalar;
  readonly relation: tf.Scalar;
}

/**
 * Focal terms, the squared error of objects and of the rest, by the teacher's attention; the difference of the
 * attentions; and the squared error behind the context blocks. Sums over cells and channels, a mean over images; levels
 * add up. Student, adapters and both blocks get gradients.
 * Yang et al., "Focal and Global Knowledge Distillation for Detectors", CVPR 2022.
 */
export function fgdLoss(levels: readonly FgdLevel[], { temperature = 0.5 } = {}): FgdTerms {
  const all = levels.map((level) => levelTerms(level, temperature));
  const sum = (part: keyof FgdTerms): tf.Scalar =>
    all.length === 0 ? tf.scalar(0) : tf.addN(all.map((terms) => terms[part]));
  return {
    foreground: sum('foreground'),
    background: sum('background'),
    attention: sum('attention'),
    relation: sum('relation'),
  };
}

function levelTerms({ student, teacher, foreground, background, blocks }: FgdLevel, temperature: number): FgdTerms {
  checkSameMaps('fgd', 'a level', student, teacher);
  const images = student.shape[0];
  const mean = (x: tf.Tensor): tf.Scalar => tf.div(tf.sum(x), images);
  const [spatial, ownSpatial] = [teacher, student].map((map) => spatialAttention(map, temperature));
  const [channel, ownChannel] = [teacher, student].map((map) => channelAttention(map, temperature));
  const byChannel = tf.expandDims(tf.expandDims(channel!, 1), 1); // [b, 1, 1, c]
  const error = tf.mul(spatial!, tf.sum(tf.mul(tf.squaredDifference(student, teacher), byChannel), 3)); // [b, h, w]
  return {
    foreground: mean(tf.mul(error, foreground)),
    background: mean(tf.mul(error, background)),
    attention: tf.add(mean(absolute(tf.sub(ownSpatial!, spatial!))), mean(absolute(tf.sub(ownChannel!, channel!)))),
    relation: mean(
      tf.squaredDifference(applyContextBlock(student, blocks.student), applyContextBlock(teacher, blocks.teacher)),
    ),
  };
}
