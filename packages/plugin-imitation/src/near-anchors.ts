import { untaped } from '@kd/core';
import { boxIou, chunksOf } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

export interface NearAnchorOptions {
  /** Cells of the map. */
  readonly height: number;
  readonly width: number;
  /** A cell is near an object when an anchor of it overlaps the object by more than this share of the best overlap. */
  readonly psi: number;
  /** Sides are x2 - x1 + 1 where the overlap is measured. */
  readonly inclusive: boolean;
  /** [b, g] what a box fills its cells with; 1 without it. Not negative. */
  readonly values?: tf.Tensor2D;
}

/**
 * The cells near objects: those with an anchor whose IoU with a box is above psi times the best IoU that the box has
 * with any anchor of this
 * level. A box that no anchor overlaps has no near cell; of several boxes on a cell the largest value stays. No
 * gradient.
 * Wang et al., "Distilling Object Detectors with Fine-grained Feature Imitation", CVPR 2019, section 3.2.
 * @param anchors [h·w·a, 4] of the level, row by row, the anchors of a cell side by side
 * @param boxes [b, g, 4] in pixels of the resized image
 * @param on [b, g] 1 for the boxes that count
 * @returns [b, h, w], 0 elsewhere
 */
export function nearAnchors(
  anchors: tf.Tensor2D,
  boxes: tf.Tensor3D,
  on: tf.Tensor2D,
  { height, width, psi, inclusive, values = on }: NearAnchorOptions,
): tf.Tensor3D {
  const [b, g] = on.shape;
  if (g === 0) return tf.zeros([b, height, width]);
  return untaped(() => {
    const far = inclusive ? tf.tensor1d([0, 0, 1, 1]) : tf.zeros([4]);
    const rows = tf.add<tf.Tensor2D>(tf.reshape(boxes, [b * g, 4]), far);
    const columns = tf.add<tf.Tensor2D>(anchors, far);
    // A box at a time is small enough for the cache; all of them at once are not.
    const cells = chunksOf(b * g, anchors.shape[0]).map(({ from, count }) =>
      tf.tidy(() => {
        const iou = boxIou(tf.slice(rows, [from, 0], [count, 4]), columns); // [count, h·w·a]
        const near = tf.greater(iou, tf.mul(tf.max(iou, 1, true), psi));
        return tf.max(tf.reshape(tf.cast(near, 'float32'), [count, height * width, -1]), 2); // [count, h·w]
      }),
    );
    const near = tf.reshape(tf.concat(cells), [b, g, height * width]);
    const filled = tf.mul(near, tf.expandDims(tf.mul(on, values), 2));
    return tf.reshape(tf.max(filled, 1), [b, height, width]);
  });
}
