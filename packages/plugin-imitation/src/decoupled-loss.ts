import { cellError, softKl } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { MaskedMaps } from './imitation-loss.js';

/** Two terms: of the objects, and of what is around them. */
export interface Decoupled {
  readonly foreground: tf.Scalar;
  readonly background: tf.Scalar;
}

export interface DecoupledMaps extends MaskedMaps {
  /**
   * [b, h, w] what the cells of `mask`, which is 1 or 0, count; the mask itself without it. The background is the same
   * either way.
   */
  readonly values?: tf.Tensor3D | undefined;
}

/**
 * `Σ m (S - T)² / max(1, 2 C Σ m)`, with m the cells of objects for the foreground and all others for the background;
 * mean over the levels.
 * Guo et al., "Distilling Object Detectors via Decoupled Features", CVPR 2021.
 */
export function decoupledLoss(maps: readonly DecoupledMaps[]): Decoupled {
  const levels = maps.map(({ student, teacher, mask, values = mask }) => {
    const error = cellError(student, teacher); // [b, h, w]
    const mean = (cells: tf.Tensor): tf.Scalar =>
      tf.div(tf.sum(tf.mul(error, cells)), tf.maximum(tf.mul(tf.sum(cells), 2 * teacher.shape[3]), 1));
    return { foreground: mean(values), background: mean(tf.sub(1, mask)) };
  });
  const over = (part: keyof Decoupled): tf.Scalar =>
    levels.length === 0 ? tf.scalar(0) : tf.div(tf.addN(levels.map((level) => level[part])), levels.length);
  return { foreground: over('foreground'), background: over('background') };
}

export interface DecoupledKlOptions {
  /** Soften the distributions of objects and of background. */
  readonly temperatureForeground: number;
  readonly temperatureBackground: number;
}

/**
 * `T² KL(softmax(t / T) || softmax(s / T))` a region, averaged over the regions with an object and over those without;
 * 0 where there is none.
 * @param logits [..., k + 1] of the student, the background among them
 * @param target [..., k + 1] of the teacher: constants
 * @param foreground [...] 1 for regions with an object, 0 for others
 * @param background [...] likewise
 * @param values [...] what each region with an object counts; 1 without it
 */
export function decoupledKl(
  logits: tf.Tensor,
  target: tf.Tensor,
  {
    foreground,
    background,
    values,
  }: { readonly foreground: tf.Tensor; readonly background: tf.Tensor; readonly values?: tf.Tensor | undefined },
  { temperatureForeground, temperatureBackground }: DecoupledKlOptions,
): Decoupled {
  const mean = (rows: tf.Tensor, temperature: number, counts: tf.Tensor = rows): tf.Scalar =>
    tf.div(tf.sum(tf.mul(softKl(logits, target, { temperature }), counts)), tf.maximum(tf.sum(rows), 1));
  return {
    foreground: mean(foreground, temperatureForeground, values && tf.mul(foreground, values)),
    background: mean(background, temperatureBackground),
  };
}
