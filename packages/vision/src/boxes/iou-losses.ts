import * as tf from '@tensorflow/tfjs-core';
import { detach } from '../detach.js';
import { areaOf, corners } from './corners.js';
import type { Corners } from './corners.js';
import { maximum, minimum } from './extremes.js';

export interface IouLossOptions {
  /** Keeps denominators off 0; default 1e-7. */
  readonly eps?: number;
  /**
   * Denominators are raised to `eps` where they are lower, as mmdetection does, instead of having it added. GIoU only.
   */
  readonly floor?: boolean;
}

/**
 * Intersection is 0, with gradient 0, unless both sides overlap. Sides of the boxes themselves are never clamped or
 * reordered, so inverted boxes keep their signed areas.
 */
function overlap(p: Corners, t: Corners): { inter: tf.Tensor; union: tf.Tensor } {
  const width = tf.relu(tf.sub(minimum(p[2], t[2]), maximum(p[0], t[0])));
  const height = tf.relu(tf.sub(minimum(p[3], t[3]), maximum(p[1], t[1])));
  const inter = tf.mul(width, height);
  return { inter, union: tf.sub(tf.add(areaOf(p), areaOf(t)), inter) };
}

function hullOf(p: Corners, t: Corners): { width: tf.Tensor; height: tf.Tensor } {
  return {
    width: tf.sub(maximum(p[2], t[2]), minimum(p[0], t[0])),
    height: tf.sub(maximum(p[3], t[3]), minimum(p[1], t[1])),
  };
}

/** A denominator that is never lower than `eps`. */
const atLeast = (x: tf.Tensor, eps: number): tf.Tensor => maximum(x, tf.scalar(eps));

const dropLastAxis = (x: tf.Tensor): tf.Tensor => tf.squeeze(x, [x.rank - 1]);

/**
 * GIoU loss of pairs, `1 - (I / (U + eps) - (H - U) / (H + eps))` with intersection I, union U and enclosing box H
 * (Rezatofighi et al., 2019). Above 2 for inverted boxes.
 * @param pred [..., 4]
 * @param target [..., 4], same shape
 * @returns [...]
 */
export function giouLoss(
  pred: tf.Tensor,
  target: tf.Tensor,
  { eps = 1e-7, floor = false }: IouLossOptions = {},
): tf.Tensor {
  return tf.tidy(() => {
    const p = corners(pred);
    const t = corners(target);
    const { inter, union: plain } = overlap(p, t);
    const { width, height } = hullOf(p, t);
    const area = tf.mul(width, height);
    const [union, hull] = floor ? [atLeast(plain, eps), atLeast(area, eps)] : [plain, area];
    const divide = (x: tf.Tensor, y: tf.Tensor): tf.Tensor => tf.div(x, floor ? y : tf.add(y, eps));
    const giou = tf.sub(divide(inter, union), divide(tf.sub(hull, union), hull));
    return dropLastAxis(tf.sub(1, giou));
  });
}

/**
 * `-log(max(IoU, eps))` of pairs, the union no lower than `eps`: the IoU loss of UnitBox (Yu et al., 2016) as
 * mmdetection computes
 * it. No gradient where the IoU is below `eps`. Shapes as in {@link giouLoss}.
 */
export function iouLogLoss(
  pred: tf.Tensor,
  target: tf.Tensor,
  { eps = 1e-6 }: Pick<IouLossOptions, 'eps'> = {},
): tf.Tensor {
  return tf.tidy(() => {
    const { inter, union } = overlap(corners(pred), corners(target));
    return dropLastAxis(tf.neg(tf.log(atLeast(tf.div(inter, atLeast(union, eps)), eps))));
  });
}

function distanceTerms(p: Corners, t: Corners, eps: number): { iou: tf.Tensor; loss: tf.Tensor } {
  const { inter, union } = overlap(p, t);
  const iou = tf.div(inter, tf.add(union, eps));
  const { width, height } = hullOf(p, t);
  const diagonal = tf.add(tf.add(tf.square(width), tf.square(height)), eps);
  const dx = tf.sub(tf.div(tf.add(p[2], p[0]), 2), tf.div(tf.add(t[0], t[2]), 2));
  const dy = tf.sub(tf.div(tf.add(p[3], p[1]), 2), tf.div(tf.add(t[1], t[3]), 2));
  const distance = tf.add(tf.square(dx), tf.square(dy));
  return { iou, loss: tf.add(tf.sub(1, iou), tf.div(distance, diagonal)) };
}

/**
 * DIoU loss of pairs: `1 - IoU` plus the squared distance of the centres over the squared diagonal of the enclosing box
 * (Zheng et al., 2020). Shapes as in {@link giouLoss}.
 */
export function diouLoss(pred: tf.Tensor, target: tf.Tensor, { eps = 1e-7 }: IouLossOptions = {}): tf.Tensor {
  return tf.tidy(() => dropLastAxis(distanceTerms(corners(pred), corners(target), eps).loss));
}

/**
 * CIoU loss of pairs: the DIoU loss plus `alpha * v`, v the squared difference of the aspect angles times 4 / pi^2.
 * No gradient flows through alpha (Zheng et al., 2020). Shapes as in {@link giouLoss}.
 */
export function ciouLoss(pred: tf.Tensor, target: tf.Tensor, { eps = 1e-7 }: IouLossOptions = {}): tf.Tensor {
  return tf.tidy(() => {
    const p = corners(pred);
    const t = corners(target);
    const { iou, loss } = distanceTerms(p, t, eps);
    const angle = ([x1, y1, x2, y2]: Corners): tf.Tensor => tf.atan(tf.div(tf.sub(x2, x1), tf.sub(y2, y1)));
    const v = tf.mul(tf.square(tf.sub(angle(t), angle(p))), 4 / Math.PI ** 2);
    const still = detach(v);
    const alpha = tf.div(still, tf.add(tf.add(tf.sub(1, detach(iou)), still), eps));
    return dropLastAxis(tf.add(loss, tf.mul(alpha, v)));
  });
}
