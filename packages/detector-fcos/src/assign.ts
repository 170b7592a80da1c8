import type { Assignment, Priors, Targets } from '@kd/core';
import { BACKGROUND, chunksOf, encodeDistances, gatherMatched } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { FcosConfig, Range } from './options.js';

export type AssignOptions = Pick<FcosConfig, 'flavour' | 'radius' | 'ranges'>;

/** Larger than any box: smaller areas are better. */
const LARGEST_AREA = 1e8;

/**
 * Which box each point answers for (Tian et al., 2019, section 3.1): among the boxes that hold the point strictly
 * inside, near enough to
 * their centre (`radius`), and whose farthest side is in the range of the level, the one of the smallest area; the
 * first of equals.
 * torchvision compares `1e8 - area` in float32, whose spacing is 8 there, so that areas closer than about 8 tie; and
 * its ranges
 * exclude their limits.
 * @returns [b, a] int32, -1 where there is none
 */
export function assignPoints(
  { boxes, perLevel }: Pick<Priors, 'boxes' | 'perLevel'>,
  targets: Pick<Targets, 'boxes' | 'mask'>,
  options: AssignOptions,
): tf.Tensor2D {
  const [b, g] = targets.mask.shape;
  if (g === 0) return tf.fill([b, boxes.shape[0]], BACKGROUND, 'int32');
  return tf.tidy(() => {
    // Level by level, since limits are plain numbers there, and in chunks: the dozen [b, g, n] tensors would take 100
    // MB for a hundred boxes.
    let first = 0;
    const matched = perLevel.flatMap((points, level) => {
      const start = first;
      first += points;
      return chunksOf(points, b * g).map(({ from, count }) =>
        tf.tidy(() =>
          assignLevel(tf.slice(boxes, [start + from, 0], [count, 4]), targets, options, options.ranges[level]!),
        ),
      );
    });
    return tf.concat(matched, 1);
  });
}

/** @returns [b, n] */
function assignLevel(
  points: tf.Tensor2D,
  { boxes, mask }: Pick<Targets, 'boxes' | 'mask'>,
  { flavour, radius }: AssignOptions,
  [lower, upper]: Range,
): tf.Tensor2D {
  // [1, n]
  const [left, top, right, bottom] = tf.split(tf.transpose(points), 4) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const [x1, y1, x2, y2] = tf.split(boxes, 4, 2) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]; // [b, g, 1]
  const middle = (low: tf.Tensor, high: tf.Tensor): tf.Tensor => tf.div(tf.add(low, high), 2);
  const x = middle(left, right);
  const y = middle(top, bottom);
  const sides = [tf.sub(x, x1), tf.sub(y, y1), tf.sub(x2, x), tf.sub(y2, y)]; // [b, g, n] each
  const farthest = sides.reduce((most, side) => tf.maximum(most, side));
  const inRange =
    flavour === 'mmdet'
      ? tf.logicalAnd(tf.greaterEqual(farthest, lower), tf.lessEqual(farthest, upper))
      : tf.logicalAnd(tf.greater(farthest, lower), tf.less(farthest, upper));
  const inside = tf.greater(
    sides.reduce((least, side) => tf.minimum(least, side)),
    0,
  );
  const conditions = [inRange, inside, tf.cast(tf.expandDims(mask, 2), 'bool')];
  if (radius !== null) {
    const off = tf.maximum(tf.abs(tf.sub(x, middle(x1, x2))), tf.abs(tf.sub(y, middle(y1, y2))));
    conditions.push(tf.less(off, tf.mul(tf.sub(right, left), radius)));
  }
  const fits = conditions.reduce((all, condition) => tf.logicalAnd(all, condition)); // [b, g, n]
  const area = tf.mul(tf.sub(x2, x1), tf.sub(y2, y1));
  const rank = flavour === 'mmdet' ? tf.neg(area) : tf.sub(LARGEST_AREA, area);
  const ranks = tf.where(fits, tf.broadcastTo(rank, fits.shape), tf.fill(fits.shape, -LARGEST_AREA));
  return tf.where<tf.Tensor>(tf.any(fits, 1), tf.argMax(ranks, 1), tf.scalar(BACKGROUND, 'int32')) as tf.Tensor2D;
}

/**
 * sqrt(min(l, r) / max(l, r) · min(t, b) / max(t, b)): 1 in the centre of a box, 0 at its sides.
 * @param distances [..., 4] left, top, right, bottom, all above 0
 * @returns [...]
 */
export function centernessOf(distances: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const [left, top, right, bottom] = tf.split(distances, 4, -1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    const ratio = (p: tf.Tensor, q: tf.Tensor): tf.Tensor => tf.div(tf.minimum(p, q), tf.maximum(p, q));
    return tf.squeeze(tf.sqrt(tf.mul(ratio(left, right), ratio(top, bottom))), [-1]);
  });
}

/** Matches, positives and centerness targets. There is no ignore band, and points in the padding are background. */
export function assignFcos(
  priors: Priors,
  targets: Targets,
  options: AssignOptions,
): Assignment & { readonly centerness: tf.Tensor2D } {
  return tf.tidy(() => {
    const matched = assignPoints(priors, targets, options);
    const positive = tf.greaterEqual(matched, tf.scalar(0, 'int32'));
    // Points without a box take themselves as one, so that what the mask drops is finite.
    const boxes = matchedBoxes(priors, { matched }, targets);
    const centerness = centernessOf(encodeDistances(boxes, tf.expandDims(priors.boxes, 0), { normalizeBySize: false }));
    const counted = tf.cast(positive, 'float32');
    return {
      matched,
      positives: tf.sum(counted, 1) as tf.Tensor1D,
      centerness: tf.mul(centerness, counted) as tf.Tensor2D,
    };
  });
}

/** [b, a, 4]: the box of each positive point; a point without one takes its own as one. */
export function matchedBoxes(
  { boxes }: Pick<Priors, 'boxes'>,
  { matched }: Pick<Assignment, 'matched'>,
  targets: Pick<Targets, 'boxes'>,
): tf.Tensor3D {
  return tf.tidy(() => {
    const positive = tf.expandDims(tf.greaterEqual(matched, tf.scalar(0, 'int32')), 2);
    return tf.where(positive, gatherMatched(targets.boxes, matched), tf.expandDims(boxes, 0)) as tf.Tensor3D;
  });
}
