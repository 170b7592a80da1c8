import { gatherRows } from '@kd/core';
import { objectMask } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

export interface FocalMaskOptions {
  /** Height and width in pixels of what the map covers: of the padded batch. */
  readonly imageSize: readonly [height: number, width: number];
  /** Cells of the map. */
  readonly height: number;
  readonly width: number;
  /** [b, n] what the objects count besides; 1 without it. */
  readonly values?: tf.Tensor2D | undefined;
}

export interface FocalMasks {
  /** [b, h, w] in the cells of an object 1 / its cells, of the smallest object where several lie; 0 elsewhere. */
  readonly foreground: tf.Tensor3D;
  /** [b, h, w] 1 / their number in the cells of no object, 0 in the others. */
  readonly background: tf.Tensor3D;
}

/**
 * FGD's masks of a level: a box takes the cells floor(x1 w / W) to ceil(x2 w / W), both included, and likewise y. No
 * gradient.
 * @param boxes [b, n, 4] in pixels of the resized image
 * @param on [b, n] 1 for the boxes that count
 */
export function focalMasks(
  boxes: tf.Tensor3D,
  on: tf.Tensor2D,
  { imageSize, height, width, values }: FocalMaskOptions,
): FocalMasks {
  return tf.tidy(() => {
    const map = { stride: 1, height, width };
    // Nothing to sort, and nothing that counts.
    if (on.shape[1] === 0) return onlyBackground([on.shape[0], height, width]);
    const { cells, counts, share } = smallestLast(inCells(boxes, imageSize, map), on);
    const covered = objectMask(cells, counts, { ...map, values: share.of });
    const foreground = values
      ? objectMask(cells, counts, { ...map, values: tf.mul(share.of, gatherRows<tf.Tensor2D>(values, share.order)) })
      : covered;
    const around = tf.cast(tf.equal(covered, 0), 'float32');
    return { foreground, background: tf.divNoNan(around, tf.sum(around, [1, 2], true)) as tf.Tensor3D };
  });
}

const onlyBackground = ([b, h, w]: [number, number, number]) => ({
  foreground: tf.zeros<tf.Rank.R3>([b, h, w]),
  background: tf.fill<tf.Rank.R3>([b, h, w], 1 / (h * w)),
});

/** Boxes in whole cells [b, n, 4], from the first to behind the last. */
function inCells(
  boxes: tf.Tensor3D,
  [H, W]: FocalMaskOptions['imageSize'],
  { height, width }: { readonly height: number; readonly width: number },
): tf.Tensor3D {
  // Multiplied first: a whole number of cells then stays one.
  const cells = tf.div(tf.mul(boxes, tf.tensor1d([width, height, width, height])), tf.tensor1d([W, H, W, H]));
  const [from, to] = tf.split(cells, 2, -1) as [tf.Tensor3D, tf.Tensor3D];
  return tf.concat([tf.floor(from), tf.add(tf.ceil(to), 1)], -1);
}

/** The boxes with the smallest last, which therefore stays where several lie. */
function smallestLast(boxes: tf.Tensor3D, on: tf.Tensor2D) {
  const [from, to] = tf.split(boxes, 2, -1) as [tf.Tensor3D, tf.Tensor3D];
  // A box upside down has one cell.
  const sides = tf.maximum(tf.sub(to, from), 1);
  const share = tf.reciprocal(tf.prod(sides, -1)); // [b, n]
  const n = on.shape[1]!;
  const order = tf.cast(tf.topk(tf.neg(share), n).indices, 'int32') as tf.Tensor2D;
  // A box that ends before the first cell has none.
  const counts = tf.mul(on, tf.cast(tf.greater(tf.min(to, -1), 0), 'float32'));
  return {
    cells: gatherRows<tf.Tensor3D>(boxes, order),
    counts: gatherRows<tf.Tensor2D>(counts, order),
    share: { of: gatherRows<tf.Tensor2D>(share, order), order },
  };
}
