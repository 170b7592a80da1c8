import * as tf from '@tensorflow/tfjs-core';
import { boxIou } from './boxes/iou.js';
import { type Chunk, chunksOf } from './chunks.js';
import { BACKGROUND, IGNORED, type MatcherOptions } from './matcher.js';

/** What the assigner reads. */
export interface MaxIouInput {
  /** [b, g, 4] */
  readonly boxes: tf.Tensor3D;
  /** [b, g], 1 for a real box, 0 for padding */
  readonly mask: tf.Tensor2D;
  /** [a, 4] */
  readonly anchors: tf.Tensor2D;
  /** [b, a], 1 for anchors that take part, e.g. from `inOwnArea` */
  readonly inside: tf.Tensor2D;
}

/**
 * Which ground truth each anchor answers for, as mmdetection assigns: the one of highest IoU from `high` on, -1 below
 * `low`,
 * -2 in between and for every anchor that takes no part.
 *
 * With low-quality matches, every anchor that reaches the highest IoU of some ground truth is given to *that* ground
 * truth, to the last of several, if that IoU is at least `lowQualityMin`; `matchBoxes` gives it to the anchor's own
 * best one. The highest IoU of a ground truth may be 0: then it gets every anchor that does not touch it.
 * @returns [b, a] int32
 */
export function assignMaxIou(
  input: MaxIouInput,
  { high, low, lowQuality, lowQualityMin = 0 }: MatcherOptions,
): tf.Tensor2D {
  const { boxes, mask, anchors, inside } = input;
  const [b, g] = mask.shape;
  const a = anchors.shape[0];
  return tf.tidy(() => {
    const part = tf.cast(inside, 'bool');
    const ignored = tf.scalar(IGNORED, 'int32');
    if (g === 0 || a === 0)
      return tf.where(
        part,
        tf.fill<tf.Rank.R2>([b, a], BACKGROUND, 'int32'),
        tf.fill<tf.Rank.R2>([b, a], IGNORED, 'int32'),
      );
    const real = tf.cast(tf.expandDims(mask, 2), 'bool'); // [b, g, 1]
    const qualityOf = ({ from, count }: Chunk): tf.Tensor3D =>
      tf.tidy(() => {
        const iou = boxIou(boxes, tf.slice(anchors, [from, 0], [count, 4]));
        const overlap = tf.where(tf.greaterEqual(iou, 0), iou, 0); // two boxes without area give NaN
        const counted = tf.logicalAnd(real, tf.expandDims(tf.slice(part, [0, from], [b, count]), 1));
        return tf.where(counted, overlap, -1) as tf.Tensor3D;
      });
    const chunks = chunksOf(a, b * g);
    const qualities = chunks.map(qualityOf); // [b, g, c] each
    const highest = tf.max(
      tf.concat(
        qualities.map((quality) => tf.max(quality, 2, true)),
        2,
      ),
      2,
      true,
    ); // [b, g, 1]
    // A mark that no anchor has keeps padding, boxes of an image without anchors and those below the least from asking.
    const asked = tf.where(tf.greaterEqual(highest, Math.max(lowQualityMin, 0)), highest, -2);
    const numbers = tf.reshape(tf.range(1, g + 1, 1, 'int32'), [1, g, 1]);
    const matched = qualities.map((quality) =>
      tf.tidy(() => {
        const best = tf.max(quality, 1); // [b, c]
        const between = tf.where(tf.less(best, high), ignored, tf.argMax(quality, 1));
        const byThreshold = tf.where(tf.less(best, Math.max(low, 0)), tf.scalar(BACKGROUND, 'int32'), between);
        if (!lowQuality) return byThreshold;
        const asking = tf.max(tf.mul(tf.cast(tf.equal(quality, asked), 'int32'), numbers), 1); // [b, c], 0 for nobody
        return tf.where(tf.greater(asking, tf.scalar(0, 'int32')), tf.sub(asking, tf.scalar(1, 'int32')), byThreshold);
      }),
    );
    return tf.where(part, tf.concat(matched, 1), ignored) as tf.Tensor2D;
  });
}
