import { aboveZero, KdError, nonNegative, parseOptions } from '@kd/core';
import { softKl, softQualityFocal } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';

export const kdEntries = {
  /**
   * `softmax`: divergence of softened distributions over the classes. `sigmoid`: binary cross-entropy a class with the
   * teacher's softened
   * scores. `qfl`: the same, unsoftened, times how far the scores are apart.
   */
  loss: v.optional(v.picklist(['softmax', 'sigmoid', 'qfl'])),
  /** Softens both models' logits, and multiplies the loss by its square. */
  temperature: v.optional(aboveZero),
  /** Exponent of the gap, of `qfl`. */
  beta: v.optional(nonNegative, 1),
  /**
   * Of `softmax`. `batchmean`: the sum over the classes, the mean over the rows. `mean`: over all entries.
   * `classmean-weighted`: the mean over
   * the classes, the weighted sum over the rows divided by the average factor.
   */
  reduction: v.optional(v.picklist(['batchmean', 'mean', 'classmean-weighted'])),
};

const kdSchema = v.strictObject(kdEntries);

export type KdLossOptions = v.InferInput<typeof kdSchema>;

export interface KdRows {
  /** [...] what each row counts; 1 without it */
  readonly weights?: tf.Tensor | undefined;
  /** [...] 1 for the rows that there are, 0 for padding; all without it */
  readonly mask?: tf.Tensor | undefined;
  /** What sums are divided by, of `sigmoid`, `qfl` and `classmean-weighted`; without it the number of rows. */
  readonly averageFactor?: tf.Scalar | number;
}

export type KdSettings = Readonly<{
  loss: 'softmax' | 'sigmoid' | 'qfl';
  temperature: number;
  beta: number;
  reduction: 'batchmean' | 'mean' | 'classmean-weighted';
}>;

/** Options with the defaults of their loss. */
export const kdSettings = ({
  loss = 'softmax',
  temperature,
  beta = 1,
  reduction = 'batchmean',
}: KdLossOptions): KdSettings => ({ loss, temperature: temperature ?? (loss === 'softmax' ? 2 : 1), beta, reduction });

/**
 * The student's class logits learn the teacher's. The teacher is a constant, and without a row the loss is 0.
 * Hinton et al., "Distilling the Knowledge in a Neural Network", 2015; `qfl` after Li et al., "Generalized Focal Loss",
 * 2020.
 * @param logits [..., k] of the student
 * @param target [..., k] of the teacher
 * @throws KdError USAGE when the shapes differ, CONFIG_INVALID for options that cannot be
 */
export function kdLoss(
  logits: tf.Tensor,
  target: tf.Tensor,
  options: KdLossOptions = {},
  { weights, mask, averageFactor }: KdRows = {},
): tf.Scalar {
  const settings = kdSettings(parseOptions(kdSchema, options, 'kdLoss'));
  if (logits.shape.join() !== target.shape.join()) {
    throw new KdError(
      'USAGE',
      `kd: student logits [${logits.shape.join(', ')}] and teacher logits [${target.shape.join(', ')}]: both need the same shape.`,
    );
  }
  return tf.tidy(() => {
    const rows = rowLosses(logits, target, settings);
    const known = mask === undefined ? rows : tf.mul(rows, mask);
    const sum: tf.Scalar = tf.sum(weights === undefined ? known : tf.mul(known, weights));
    const count = mask === undefined ? tf.scalar(rows.size) : tf.sum<tf.Scalar>(mask);
    const classes = logits.shape.at(-1)!;
    if (settings.loss !== 'softmax') return over(sum, averageFactor ?? count);
    if (settings.reduction === 'classmean-weighted') return over(sum, tf.mul(averageFactor ?? count, classes));
    return over(sum, settings.reduction === 'mean' ? tf.mul(count, classes) : count);
  });
}

/**
 * The quotient, 0 where the divisor is. `tf.divNoNan` itself cannot stand on the tape: it compares what gets a
 * gradient.
 */
const over = (sum: tf.Scalar, divisor: tf.Scalar | number): tf.Scalar => tf.mul(sum, tf.divNoNan(1, divisor));

/** The loss of each row, summed over the classes: [..., k] -> [...] */
export function rowLosses(logits: tf.Tensor, target: tf.Tensor, { loss, temperature, beta }: KdSettings): tf.Tensor {
  if (loss === 'softmax') return softKl(logits, target, { temperature });
  // Without an exponent the quality focal loss is the binary cross-entropy.
  if (loss === 'qfl') return softQualityFocal(logits, target, { beta });
  if (temperature === 1) return softQualityFocal(logits, target, { beta: 0 });
  return tf.mul(
    softQualityFocal(tf.div(logits, temperature), tf.div(target, temperature), { beta: 0 }),
    temperature ** 2,
  );
}
