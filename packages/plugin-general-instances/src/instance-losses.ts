import { absolute, distancePull, pulledRows, rowPairs, softQualityFocal, squaredRowDistances } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

/** Pooled features [b, n, s, s, c] of the general instances, and which of them there are, [b, n]. */
export interface PooledInstances {
  readonly student: tf.Tensor5D;
  readonly teacher: tf.Tensor5D;
  readonly mask: tf.Tensor2D;
}

/** Squared differences of the pooled features, summed, over instances and bins. The teacher is a constant. */
export function featureLoss({ student, teacher, mask }: PooledInstances): tf.Scalar {
  const [b, n, height, width] = student.shape;
  const cells = tf.customGrad((x, save) => {
    const difference = tf.sub(x as tf.Tensor5D, teacher);
    (save as tf.GradSaveFunc)([difference]);
    return {
      value: tf.sum(tf.square(difference), [2, 3, 4]),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(saved[0]!, tf.reshape(tf.mul(dy, 2), [b, n, 1, 1, 1])),
    };
  })(student) as tf.Tensor2D; // [b, n]
  const bins = tf.mul(tf.sum(mask), height * width);
  return tf.mul(tf.sum(tf.mul(cells, mask)), tf.div(1, tf.maximum(bins, 1)));
}

/** Fewer instances have no relation. */
const LEAST = 3;

/**
 * How the instances of a batch lie to each other: smooth L1 of their distances over the mean distance, over n² - n; 0
 * of fewer than three. The teacher is a constant.
 */
export function relationLoss({ student, teacher, mask }: PooledInstances): tf.Scalar {
  const n = mask.size;
  const rows = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [n, -1]);
  return tf.customGrad((input, save) => {
    const x = input as tf.Tensor2D;
    const { value, slope } = tf.tidy(() => {
      const pairs = rowPairs(tf.reshape(mask, [n]));
      const { loss, pull } = distancePull(squaredRowDistances(x), squaredRowDistances(rows(teacher)), pairs);
      // A mean over n² - n in place of n².
      const factor = tf.mul(
        tf.div(pairs.count, tf.maximum(tf.sub(pairs.count, 1), 1)),
        tf.cast(tf.greaterEqual(pairs.count, LEAST), 'float32'),
      );
      return { value: tf.mul(loss, factor), slope: tf.mul(pulledRows(pull, x), factor) };
    });
    (save as tf.GradSaveFunc)([slope]);
    return { value, gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(saved[0]!, dy) };
  })(rows(student)) as tf.Scalar;
}

/** What both heads say of all anchors, and which of them answer for an instance, [b, a]. */
export interface Responses {
  /** [b, a, k] before sigmoid */
  readonly studentClasses: tf.Tensor3D;
  readonly teacherClasses: tf.Tensor3D;
  /** [b, a, 4] codes of boxes */
  readonly studentBoxes: tf.Tensor3D;
  readonly teacherBoxes: tf.Tensor3D;
  readonly mask: tf.Tensor2D;
}

/**
 * Binary cross-entropy of the class scores with the teacher's, and absolute difference of the codes, each summed over
 * the anchors of the mask and divided by their number. The teacher is a constant.
 */
export function responseLosses(of: Responses): { readonly cls: tf.Scalar; readonly reg: tf.Scalar } {
  const share = tf.div(1, tf.maximum(tf.sum(of.mask), 1));
  const mean = (anchors: tf.Tensor): tf.Scalar => tf.mul(tf.sum(tf.mul(anchors, of.mask)), share);
  return {
    cls: mean(softQualityFocal(of.studentClasses, of.teacherClasses, { beta: 0 })),
    reg: mean(tf.sum(absolute(tf.sub(of.studentBoxes, of.teacherBoxes)), 2)),
  };
}
