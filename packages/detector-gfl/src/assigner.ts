import type { Assignment, Priors, Targets } from '@kd/core';
import { BACKGROUND, boxIou, IGNORED, inOwnArea } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

export interface AssignerOptions {
  /** Candidates that an object has on each level. */
  readonly topk: number;
  /** Images count as padded to a multiple of this: anchors beyond are ignored. */
  readonly sizeDivisible: number;
}

/** Pixels by which the centre of a positive anchor lies inside of its object, at least. */
const INSIDE = 0.01;

/**
 * Adaptive training sample selection (Zhang et al., ATSS, 2020, algorithm 1). The candidates of an object are, on each
 * level,
 * the `topk` anchors whose centres are nearest to its own (the first of equals); positive are those whose IoU with it
 * reaches mean plus
 * standard deviation (of a sample) over its candidates and whose centre is inside of it. An anchor that several objects
 * want goes
 * to the one of highest IoU, the first of equals. Anchors outside of the image's own area are ignored. On the device,
 * with static
 * shapes.
 */
export function assignAtss(
  priors: Priors,
  targets: Targets,
  { topk, sizeDivisible }: AssignerOptions,
): Omit<Assignment, 'centerness'> {
  return tf.tidy(() => {
    const valid = inOwnArea(priors.boxes, targets.imageSizes, sizeDivisible); // [b, a]
    const outside = tf.cast(tf.add(tf.mul(valid, BACKGROUND - IGNORED), IGNORED), 'int32') as tf.Tensor2D; // [b, a]
    const [b, g] = targets.mask.shape;
    if (g === 0) return { matched: outside, positives: tf.zeros([b]) };
    const claims = claimsOf(priors, targets, valid, topk); // [b, g, a]
    const positive = tf.greater(tf.max(claims, 1), 0); // [b, a]
    const matched = tf.where(positive, tf.argMax(claims, 1), outside) as tf.Tensor2D;
    return { matched, positives: tf.sum(tf.cast(positive, 'float32'), 1) };
  });
}

const centres = (boxes: tf.Tensor): tf.Tensor[] => {
  const [x1, y1, x2, y2] = tf.split(boxes, 4, -1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  return [tf.mul(tf.add(x1, x2), 0.5), tf.mul(tf.add(y1, y2), 0.5)]; // [..., 1] each
};

/** The IoU of each object with each anchor that is positive for it, 0 elsewhere, [b, g, a]. */
function claimsOf(priors: Priors, { boxes, mask }: Targets, valid: tf.Tensor2D, topk: number): tf.Tensor3D {
  const [b, g] = mask.shape;
  const a = priors.boxes.shape[0];
  const chosen = nearest(priors, boxes, valid, topk); // [b, g, c] int32
  const c = chosen.shape[2];
  const anchors = tf.reshape(tf.gather(priors.boxes, tf.reshape(chosen, [b * g * c])), [b * g, c, 4]) as tf.Tensor3D;
  const iou = tf.reshape(boxIou(tf.reshape(boxes, [b * g, 1, 4]) as tf.Tensor3D, anchors), [b, g, c]);
  // A level may have fewer anchors inside of the image than candidates.
  const firstOfImage = tf.reshape(tf.mul(tf.range(0, b, 1, 'int32'), tf.scalar(a, 'int32')), [b, 1, 1]);
  const usable = tf.gather(tf.reshape(valid, [b * a]), tf.add(chosen, firstOfImage)); // [b, g, c]
  const enough = tf.greaterEqual(iou, threshold(iou, usable)); // [b, g, c]
  const positive = tf.mul(
    tf.mul(usable, tf.expandDims(mask, 2)),
    tf.cast(tf.logicalAnd(enough, inside(boxes, tf.reshape(anchors, [b, g, c, 4]))), 'float32'),
  );
  const firstOfObject = tf.reshape(tf.mul(tf.range(0, b * g, 1, 'int32'), tf.scalar(a, 'int32')), [b, g, 1]);
  const places = tf.reshape(tf.add(chosen, firstOfObject), [b * g * c, 1]); // each place once
  const wanted = tf.where(tf.cast(positive, 'bool'), iou, tf.zerosLike(iou));
  return tf.reshape(tf.scatterND(places, tf.reshape(wanted, [b * g * c]), [b * g * a]), [b, g, a]);
}

/**
 * Indices of the `topk` anchors of each level that are nearest to each object, [b, g, c]; those outside of the image
 * come last.
 */
function nearest(
  { boxes: anchors, perLevel }: Priors,
  boxes: tf.Tensor3D,
  valid: tf.Tensor2D,
  topk: number,
): tf.Tensor3D {
  const [x, y] = centres(boxes) as [tf.Tensor, tf.Tensor]; // [b, g, 1]
  let first = 0;
  const perLevelChoice = perLevel.map((count) => {
    const start = first;
    first += count;
    return tf.tidy(() => {
      const [ax, ay] = centres(tf.slice(anchors, [start, 0], [count, 4])).map((centre) =>
        tf.reshape(centre, [1, 1, count]),
      ) as [tf.Tensor, tf.Tensor];
      const distance = tf.add(tf.square(tf.sub(x, ax)), tf.square(tf.sub(y, ay))); // [b, g, count]
      const inImage = tf.expandDims(tf.slice(valid, [0, start], [-1, count]), 1); // [b, 1, count]
      const closeness = tf.where(tf.cast(inImage, 'bool'), tf.neg(distance), tf.scalar(-Infinity));
      return tf.add(tf.topk(closeness, Math.min(topk, count)).indices, tf.scalar(start, 'int32'));
    });
  });
  return tf.concat(perLevelChoice, 2) as tf.Tensor3D;
}

/**
 * Mean plus standard deviation of the IoUs of an object's usable candidates, [b, g, 1]; of a single one its own IoU.
 */
function threshold(iou: tf.Tensor, usable: tf.Tensor): tf.Tensor {
  const count = tf.sum(usable, 2, true);
  const mean = tf.div(tf.sum(tf.mul(iou, usable), 2, true), tf.maximum(count, 1));
  const squares = tf.sum(tf.mul(tf.square(tf.sub(iou, mean)), usable), 2, true);
  return tf.add(mean, tf.sqrt(tf.div(squares, tf.maximum(tf.sub(count, 1), 1))));
}

/** Whether the centres of anchors [b, g, c, 4] lie in their objects [b, g, 4]: [b, g, c] */
function inside(boxes: tf.Tensor3D, anchors: tf.Tensor): tf.Tensor {
  const [x, y] = centres(anchors) as [tf.Tensor, tf.Tensor]; // [b, g, c, 1]
  // [b, g, 1, 1]
  const [x1, y1, x2, y2] = tf.split(tf.expandDims(boxes, 2), 4, 3) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const sides = tf.concat([tf.sub(x, x1), tf.sub(y, y1), tf.sub(x2, x), tf.sub(y2, y)], 3);
  return tf.greater(tf.min(sides, 3), INSIDE);
}
