import { KdError, parseOptions } from '@kd/core';
import { distancePull, pulledRows, rowPairs } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { anglePull, geometryOf } from './relations.js';

export const relationEntries = {
  /** Scale every embedding to length 1 before. */
  unitLength: v.optional(v.boolean(), false),
  /**
   * Embeddings on one place have no direction: `skip` leaves such angles without a slope. `reference`: the slope of a
   * difference divided by
   * 1e-12, as public code has it: about 1e12.
   */
  duplicates: v.optional(v.picklist(['skip', 'reference']), 'skip'),
};

const relationSchema = v.strictObject({
  ...relationEntries,
  least: v.optional(v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(1e6)), 3),
});

/** Options of the losses; fewer than `least` embeddings give 0. */
export type RelationOptions = v.InferInput<typeof relationSchema>;
export type RelationSettings = v.InferOutput<typeof relationSchema>;

export interface RelationRows {
  /** [n] 1 for embeddings that there are, 0 for padding; all without it */
  readonly mask?: tf.Tensor1D | undefined;
  /**
   * [n] what each counts: a pair the product of its two, a triple of its three; 1 without it. Means divide by numbers,
   * not by weights.
   */
  readonly weights?: tf.Tensor1D | undefined;
}

export interface Relations {
  /** Smooth L1 of the Euclidean distances, each set's divided by their mean; a mean over n². */
  readonly distance: tf.Scalar;
  /** Smooth L1 of the cosines at every embedding between every two others; a mean over n³. */
  readonly angle: tf.Scalar;
}

/**
 * The student's embeddings learn how the teacher's lie to each other; their widths may differ. The teacher is a
 * constant. Takes n³ numbers,
 * not n² d. Park et al., "Relational Knowledge Distillation", CVPR 2019.
 * @param student [n, d]
 * @param teacher [n, d']
 * @throws KdError USAGE when the numbers of rows differ, CONFIG_INVALID for options that cannot be
 */
export function rkdLoss(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  options: RelationOptions = {},
  rows: RelationRows = {},
): Relations {
  const settings = parseOptions(relationSchema, options, 'rkdLoss');
  const [n] = student.shape;
  if (n !== teacher.shape[0])
    throw new KdError(
      'USAGE',
      `rkd: ${n} embeddings of the student and ${teacher.shape[0]} of the teacher: both need one for every instance.`,
    );
  if (n < settings.least) return { distance: tf.scalar(0), angle: tf.scalar(0) };
  const { unitLength } = settings;
  const [own, taught] = unitLength ? [unit(student), unit(teacher)] : [student, teacher];
  const both = relations(own, taught, settings, rows);
  return { distance: tf.reshape(tf.slice(both, [0], [1]), []), angle: tf.reshape(tf.slice(both, [1], [1]), []) };
}

/** [2]: distance and angle, with the gradient finished in the forward call. */
function relations(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  { duplicates, least }: RelationSettings,
  { mask, weights }: RelationRows,
): tf.Tensor1D {
  return tf.customGrad((input, save) => {
    const x = input as tf.Tensor2D;
    const kept = tf.tidy(() => {
      const there = mask ?? tf.ones<tf.Rank.R1>([x.shape[0]]);
      const pairs = rowPairs(there, weights);
      const [own, taught] = [geometryOf(x), geometryOf(teacher)];
      const [distance, angle] = [
        distancePull(own.squares, taught.squares, pairs),
        anglePull(own, taught, pairs, duplicates),
      ];
      const enough = tf.cast(tf.greaterEqual(pairs.count, least), 'float32');
      return {
        value: tf.mul(tf.stack([distance.loss, angle.loss]), enough),
        slopes: [distance, angle].map(({ pull }) => tf.mul(pulledRows(pull, x), enough)),
      };
    });
    (save as tf.GradSaveFunc)(kept.slopes);
    return {
      value: kept.value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        tf.addN(saved.map((slope, i) => tf.mul(slope, tf.slice(dy, [i], [1])))),
    };
  })(student) as tf.Tensor1D;
}

/** Rows of length 1; one of zeros stays as it is, without a slope. */
function unit(rows: tf.Tensor2D): tf.Tensor2D {
  const length = tf.sqrt(tf.maximum(tf.sum(tf.square(rows), 1, true), 1e-24));
  return tf.div(rows, length);
}
