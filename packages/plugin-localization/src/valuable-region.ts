import { gatherRows, KdError, untaped } from '@kd/core';
import { boxIou, chunksOf } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

export interface ValuableRegionOptions {
  /** Anchors of each level, one level after the other. */
  readonly perLevel: readonly number[];
  /** Anchors a level that are nearest to a box: their overlaps give the box its threshold. */
  readonly topk?: number;
  /** Share of the threshold that is the lower end. */
  readonly lower?: number;
  /**
   * Overlap within the distance-IoU: `iou` as the paper writes it; `iof` over the anchor's area alone, as the public
   * code computes it.
   */
  readonly overlap?: 'iou' | 'iof';
  /** [b, g] what a box counts, 1 without it. Not negative. */
  readonly values?: tf.Tensor2D | undefined;
}

/**
 * The valuable localization region: anchors whose distance-IoU with a box lies in [lower · t, t), t being what ATSS
 * takes for the box: mean and (unbiased) deviation of the IoUs of the nearest anchors of every level, added. They lie
 * around objects without answering for them. No gradient.
 * Zheng et al., "Localization Distillation for Dense Object Detection", CVPR 2022, section 3.3.
 * @param anchors [a, 4]
 * @param boxes [b, g, 4] in pixels of the resized image
 * @param on [b, g] 1 for the boxes that count
 * @returns [b, a]: the IoU with the box, the largest of several, times what it counts; 0 outside of the region
 * @throws KdError USAGE when anchors and levels do not fit
 */
export function valuableRegion(
  anchors: tf.Tensor2D,
  boxes: tf.Tensor3D,
  on: tf.Tensor2D,
  { perLevel, topk = 9, lower = 0.25, overlap = 'iou', values = on }: ValuableRegionOptions,
): tf.Tensor2D {
  const [b, g] = on.shape;
  const a = anchors.shape[0];
  if (perLevel.reduce((sum, count) => sum + count, 0) !== a)
    throw new KdError('USAGE', `valuableRegion got ${a} anchors and levels of ${perLevel.join(' + ')}.`);
  if (g === 0 || a === 0) return tf.zeros([b, a]);
  return untaped(() =>
    tf.tidy(() => {
      const rows = tf.reshape(boxes, [b * g, 4]) as tf.Tensor2D;
      // A few boxes at a time: what they have with all anchors is small enough for the cache.
      const parts = chunksOf(b * g, a).map(({ from, count }) =>
        tf.tidy(() => regionOf(tf.slice(rows, [from, 0], [count, 4]), anchors, { perLevel, topk, lower, overlap })),
      );
      const each = tf.reshape(tf.concat(parts), [b, g, a]);
      return tf.max(tf.mul(each, tf.expandDims(tf.mul(on, values), 2)), 1) as tf.Tensor2D;
    }),
  );
}

/** [n, a] of boxes [n, 4] */
function regionOf(
  boxes: tf.Tensor2D,
  anchors: tf.Tensor2D,
  { perLevel, topk, lower, overlap }: Required<Omit<ValuableRegionOptions, 'values'>>,
): tf.Tensor2D {
  const iou = boxIou(boxes, anchors);
  const [b, a] = [columns(boxes), rowsOf(anchors)];
  const squares = squaredDistances(b, a);
  const threshold = thresholds(iou, squares, perLevel, topk); // [n, 1]
  const first = overlap === 'iou' ? iou : overAnchor(b, a);
  const distanceIou = tf.sub(first, tf.div(squares, squaredDiagonals(b, a)));
  const inside = tf.logicalAnd(tf.less(distanceIou, threshold), tf.greaterEqual(distanceIou, tf.mul(threshold, lower)));
  // Not a product: what has no area has no IoU either.
  return tf.where(inside, iou, tf.zerosLike(iou));
}

/** Mean and deviation of the IoUs of the nearest anchors, added. */
function thresholds(iou: tf.Tensor2D, squares: tf.Tensor, perLevel: readonly number[], topk: number): tf.Tensor {
  const n = iou.shape[0];
  const near = perLevel.flatMap((count, level) => {
    if (count === 0) return [];
    const start = perLevel.slice(0, level).reduce((sum, one) => sum + one, 0);
    const part = (x: tf.Tensor): tf.Tensor => tf.slice(x as tf.Tensor2D, [0, start], [n, count]);
    const { indices } = tf.topk(tf.neg(part(squares)), Math.min(topk, count));
    return [gatherRows(part(iou), tf.cast(indices, 'int32') as tf.Tensor2D)];
  });
  const candidates = tf.concat(near, 1); // [n, k]
  const mean = tf.mean(candidates, 1, true);
  // A single candidate has no deviation: its own IoU is the threshold.
  const variance = tf.div(
    tf.sum(tf.squaredDifference(candidates, mean), 1, true),
    Math.max(1, candidates.shape[1]! - 1),
  );
  return tf.add(mean, tf.sqrt(variance));
}

/** x1, y1, x2, y2 of boxes as columns [n, 1], of anchors as rows [1, a]. */
type Corners = readonly tf.Tensor[];
const columns = (boxes: tf.Tensor2D): Corners => tf.split(boxes, 4, 1);
const rowsOf = (anchors: tf.Tensor2D): Corners => tf.split(tf.transpose(anchors), 4, 0);

/** Of the centres, [n, a]. */
function squaredDistances(b: Corners, a: Corners): tf.Tensor {
  const centre = (corners: Corners, axis: 0 | 1): tf.Tensor => tf.mul(tf.add(corners[axis]!, corners[axis + 2]!), 0.5);
  return tf.add(tf.squaredDifference(centre(b, 0), centre(a, 0)), tf.squaredDifference(centre(b, 1), centre(a, 1)));
}

/** Of the smallest boxes that hold both, [n, a]. */
function squaredDiagonals(b: Corners, a: Corners): tf.Tensor {
  const side = (axis: 0 | 1): tf.Tensor =>
    tf.sub(tf.maximum(b[axis + 2]!, a[axis + 2]!), tf.minimum(b[axis]!, a[axis]!));
  return tf.add(tf.square(side(0)), tf.square(side(1)));
}

/** The share of the anchor that lies in the box, [n, a]. */
function overAnchor(b: Corners, a: Corners): tf.Tensor {
  const shared = (axis: 0 | 1): tf.Tensor =>
    tf.relu(tf.sub(tf.minimum(b[axis + 2]!, a[axis + 2]!), tf.maximum(b[axis]!, a[axis]!)));
  const area = tf.mul(tf.sub(a[2]!, a[0]!), tf.sub(a[3]!, a[1]!));
  return tf.div(tf.mul(shared(0), shared(1)), area);
}
