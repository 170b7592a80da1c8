import { cropPool, detach } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { cosines, type Pair } from './coefficients.js';
import type { LevelPrototypes } from './level-prototypes.js';
import { reliability, type ReliabilityRule } from './reliability.js';

/** A level of the pyramid as student and teacher see it, and its prototypes. */
export interface Level {
  /** [b, h, w, ds], before any adapter */
  readonly student: tf.Tensor4D;
  /** [b, h, w, dt] */
  readonly teacher: tf.Tensor4D;
  readonly stride: number;
  readonly prototypes: LevelPrototypes;
}

/** The instances that are described: boxes [b, n, 4], labels [b, n] int32, mask [b, n]. */
export interface Objects {
  readonly boxes: tf.Tensor3D;
  readonly labels: tf.Tensor2D;
  readonly mask: tf.Tensor2D;
}

/** What the instances are on one level; row i·n + j is instance j of image i. */
export interface LevelDescription {
  /** Pooled from the maps, [b·n, ds] and [b·n, dt]; the student's have a gradient. */
  readonly features: Pair;
  /** With every prototype of the level, [b·n, p]; the student's have a gradient. */
  readonly cosines: Pair;
  /** [b, n] reliability, without a gradient */
  readonly weights: tf.Tensor2D;
}

/** Pools every instance on the level and compares it with the level's prototypes, as both models see it. */
export function describeLevel(
  { student, teacher, stride, prototypes }: Level,
  { boxes, labels }: Objects,
  rule?: ReliabilityRule,
): LevelDescription {
  const [b, n] = labels.shape;
  const pooled = (map: tf.Tensor4D): tf.Tensor2D => tf.reshape(cropPool(map, boxes, stride), [b * n, map.shape[3]]);
  const features = { student: pooled(student), teacher: pooled(teacher) };
  const described = {
    student: cosines(features.student, prototypes.student),
    teacher: cosines(features.teacher, prototypes.teacher),
  };
  const weights = reliability(described, tf.reshape(labels, [b * n]), prototypes.labels, rule);
  return { features, cosines: described, weights: tf.reshape(weights, [b, n]) };
}

/**
 * Reliability of regions by what a second stage pooled from them, averaged over its bins, on the level that each was
 * pooled from.
 * @param features [b, n, s, s, c] of each model
 * @param levels [b, n] int32, the finest is 0
 * @returns [b, n], without a gradient
 */
export function regionWeights(
  features: { readonly student: tf.Tensor5D; readonly teacher: tf.Tensor5D },
  levels: tf.Tensor2D,
  labels: tf.Tensor2D,
  prototypes: readonly LevelPrototypes[],
  rule?: ReliabilityRule,
): tf.Tensor2D {
  return tf.tidy(() => {
    const [b, n] = labels.shape;
    const mean = (pooled: tf.Tensor5D): tf.Tensor2D =>
      tf.reshape(tf.mean(detach(pooled), [2, 3]), [b * n, pooled.shape[4]]);
    const [student, teacher] = [mean(features.student), mean(features.teacher)];
    const ofLevel = prototypes.map((own) =>
      tf.reshape(
        reliability(
          { student: cosines(student, own.student), teacher: cosines(teacher, own.teacher) },
          tf.reshape(labels, [b * n]),
          own.labels,
          rule,
        ),
        [b, n],
      ),
    );
    return ofOwnLevel(ofLevel as tf.Tensor2D[], levels);
  });
}

/**
 * The weight that each instance has on its own level.
 * @param weights [b, n] a level
 * @param levels [b, n] int32
 */
export function ofOwnLevel(weights: readonly tf.Tensor2D[], levels: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(
    () =>
      weights
        .map((values, level) =>
          tf.where<tf.Tensor>(tf.equal(levels, tf.scalar(level, 'int32')), values, tf.zerosLike(values)),
        )
        .reduce((sum, part) => tf.add(sum, part)) as tf.Tensor2D,
  );
}
