import { KdError } from '@kd/core';
import { descendingOrder } from './descending-order.js';

export interface NmsOptions {
  /** A box is dropped when its IoU with a kept one of its class is greater than this. */
  readonly threshold: number;
  /** Class (or level) of each box: boxes of different classes never suppress each other. Default: all one class. */
  readonly classes?: ArrayLike<number>;
  /** Stop when so many boxes are kept; default: no limit. */
  readonly limit?: number;
}

/**
 * Non-maximum suppression on the host: indices of the kept boxes by descending score, equal scores by index.
 *
 * IoUs are computed in float32 and compared with the double threshold, as torchvision does; a NaN IoU (two boxes
 * without
 * area) drops nothing.
 * @param boxes [n * 4] x1 y1 x2 y2
 * @param scores [n]
 * @throws KdError USAGE when the lengths differ or the threshold is no IoU
 */
export function nms(boxes: Float32Array, scores: Float32Array, options: NmsOptions): Int32Array {
  const n = scores.length;
  const { threshold, classes, limit = n } = options;
  if (boxes.length !== 4 * n || (classes !== undefined && classes.length !== n)) {
    throw new KdError(
      'USAGE',
      `NMS got ${boxes.length} box coordinates and ${classes?.length ?? n} classes for ${n} scores: give 4 coordinates and one class a score.`,
    );
  }
  if (!(threshold >= 0 && threshold <= 1))
    throw new KdError('USAGE', `The IoU threshold of NMS is ${threshold}: give a number from 0 to 1.`);
  const kept = new Int32Array(Math.min(n, limit));
  const groups = new Map<number, KeptBoxes>();
  let count = 0;
  for (const index of descendingOrder(scores)) {
    if (count === kept.length) break;
    const group = groupOf(groups, classes?.[index] ?? 0, n);
    if (!keepUnlessCovered(group, boxes, index * 4, threshold)) continue;
    kept[count++] = index;
  }
  return kept.subarray(0, count);
}

/** Kept boxes of one class: corners and area, five numbers each. */
interface KeptBoxes {
  rows: Float32Array;
  count: number;
}

function groupOf(groups: Map<number, KeptBoxes>, key: number, n: number): KeptBoxes {
  let group = groups.get(key);
  if (group === undefined) {
    group = { rows: new Float32Array(5 * Math.min(n, 64)), count: 0 };
    groups.set(key, group);
  }
  return group;
}

const f = Math.fround;

function keepUnlessCovered(group: KeptBoxes, boxes: Float32Array, at: number, threshold: number): boolean {
  const x1 = boxes[at]!;
  const y1 = boxes[at + 1]!;
  const x2 = boxes[at + 2]!;
  const y2 = boxes[at + 3]!;
  const area = f(f(x2 - x1) * f(y2 - y1));
  const { rows } = group;
  const end = group.count * 5;
  for (let r = 0; r < end; r += 5) {
    // Most pairs lie apart: they need no division, and comparisons beat Math.min.
    const left = rows[r]!;
    const right = rows[r + 2]!;
    const width = (x2 < right ? x2 : right) - (x1 > left ? x1 : left);
    if (!(width > 0)) continue;
    const top = rows[r + 1]!;
    const bottom = rows[r + 3]!;
    const height = (y2 < bottom ? y2 : bottom) - (y1 > top ? y1 : top);
    if (!(height > 0)) continue;
    const inter = f(f(width) * f(height));
    if (f(inter / f(f(area + rows[r + 4]!) - inter)) > threshold) return false;
  }
  if (end === rows.length) {
    group.rows = new Float32Array(2 * rows.length);
    group.rows.set(rows);
  }
  group.rows.set([x1, y1, x2, y2, area], end);
  group.count++;
  return true;
}
