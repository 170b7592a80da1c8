import { gatherRows, type ImageSizes, untaped } from '@kd/core';
import { boxIou, clipBoxes } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

/** What one model says of all anchors of a batch. */
export interface ScoredBoxes {
  /** [b, a] the best score of each, in [0, 1] */
  readonly scores: tf.Tensor2D;
  /** [b, a, 4] decoded, in pixels of the resized image */
  readonly boxes: tf.Tensor3D;
}

export interface SelectionOptions {
  /** Instances of an image, at most. */
  readonly topk?: number;
  /** A box that overlaps a chosen one by more than that is dropped. */
  readonly nms?: number;
  /** Both sides of a box are longer than that, in pixels. */
  readonly minSide?: number;
  /** [height, width] of each image, at which boxes are cut off. */
  readonly imageSizes: ImageSizes;
}

/** The general instances of a batch, best first; rows off the mask hold zeros. */
export interface GeneralInstances {
  /** [b, topk, 4] */
  readonly boxes: tf.Tensor3D;
  /** [b, topk] by how much the scores of both models differ */
  readonly scores: tf.Tensor2D;
  /** [b, topk] 1 where there is one */
  readonly mask: tf.Tensor2D;
}

/**
 * General instances: the boxes over which student and teacher disagree most, each as the surer model draws it, of all
 * levels together, whether an object is there or not. No ground truth, and no gradient. It stays on the device: a
 * greedy choice of `topk` boxes in as many rounds. Dai et al., "General Instance Distillation for Object Detection",
 * CVPR 2021, section 3.1.
 */
export function selectInstances(
  student: ScoredBoxes,
  teacher: ScoredBoxes,
  { topk = 10, nms = 0.3, minSide = 10, imageSizes }: SelectionOptions,
): GeneralInstances {
  const [b, a] = student.scores.shape;
  // [b, topk, 6]: box, score, mask
  const table = untaped(() =>
    tf.tidy(() => {
      if (a === 0) return tf.zeros<tf.Rank.R3>([b, topk, 6]);
      const difference = tf.sub(teacher.scores, student.scores);
      const surer = tf.expandDims(tf.greater(difference, 0), 2);
      const boxes = clipBoxes(tf.where(surer, teacher.boxes, student.boxes), imageSizes);
      const [x1, y1, x2, y2] = tf.unstack(boxes, 2) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]; // [b, a]
      const large = tf.logicalAnd(tf.greater(tf.sub(x2, x1), minSide), tf.greater(tf.sub(y2, y1), minSide));
      let left = tf.where(large, tf.abs(difference), tf.fill([b, a], GONE)) as tf.Tensor2D;
      const rounds: tf.Tensor2D[] = [];
      for (let round = 0; round < topk; round++) {
        const next = tf.tidy(() => bestOf(boxes, left, nms));
        left = next.left;
        rounds.push(next.row);
      }
      return tf.stack(rounds, 1) as tf.Tensor3D;
    }),
  );
  const [boxes, scores, mask] = tf.split(table, [4, 1, 1], 2) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
  return { boxes, scores: tf.squeeze(scores, [2]), mask: tf.squeeze(mask, [2]) };
}

/** The score of what is chosen, covered or too small. */
const GONE = -1;

/** The best box that is left in each image, [b, 6], and what is left after it. */
function bestOf(boxes: tf.Tensor3D, left: tf.Tensor2D, nms: number): { row: tf.Tensor2D; left: tf.Tensor2D } {
  const [b, a] = left.shape;
  // [b, 1], the first of equal ones
  const at = tf.expandDims(tf.cast(tf.argMax(left, 1), 'int32'), 1) as tf.Tensor2D;
  const box = gatherRows<tf.Tensor3D>(boxes, at); // [b, 1, 4]
  const score = gatherRows<tf.Tensor2D>(left, at); // [b, 1]
  const covered = tf.logicalOr(
    tf.greater(tf.squeeze(boxIou(box, boxes), [1]), nms),
    // Itself, whatever its overlap with itself comes out as.
    tf.equal(tf.range(0, a, 1, 'int32'), at),
  );
  const row = tf.concat([tf.squeeze(box, [1]), score, tf.onesLike(score)], 1);
  return {
    row: tf.where(tf.greaterEqual(score, 0), row, tf.zerosLike(row)) as tf.Tensor2D,
    left: tf.where(covered, tf.fill([b, a], GONE), left) as tf.Tensor2D,
  };
}
