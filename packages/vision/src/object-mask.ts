import { gatherRows } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { scatterRows } from './scatter-rows.js';

export interface ObjectMaskOptions {
  /** Pixels of the input per cell. */
  readonly stride: number;
  /** Cells of the map. */
  readonly height: number;
  readonly width: number;
  /** [b, n] what a box fills its cells with; 1 without it. Not negative. */
  readonly values?: tf.Tensor2D;
}

/** A set of so many boxes is a whole number that float32 holds, and whose highest bit a float32 logarithm finds. */
const BITS = 16;

/**
 * Fills the cells of a map that boxes cover, [trunc(x1 / stride), trunc(x2 / stride)) and likewise y; of several boxes
 * on a cell the later one
 * stays. A box without such a cell fills the one of its upper left corner, with the larger of the old and its own
 * value; a box that misses
 * the map fills none. The masks of DeFeat and of the prototypes of Tang et al. (ECCV 2022). No gradient.
 * @param boxes [b, n, 4] in pixels of the resized image
 * @param on [b, n] 1 for the boxes that count
 * @returns [b, h, w], 0 outside of the boxes
 */
export function objectMask(
  boxes: tf.Tensor3D,
  on: tf.Tensor2D,
  { stride, height, width, values = on }: ObjectMaskOptions,
): tf.Tensor3D {
  const [b, n] = on.shape;
  if (n === 0) return tf.zeros([b, height, width]);
  return tf.tidy(() => {
    const [x1, y1, x2, y2] = tf.unstack(boxes, -1) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor2D]; // [b, n]
    const cell = (corner: tf.Tensor): tf.Tensor2D => tf.floor(tf.div(tf.maximum(corner, 0), stride));
    const [left, top] = [cell(x1), cell(y1)];
    const [right, bottom] = [tf.minimum(cell(x2), width), tf.minimum(cell(y2), height)] as [tf.Tensor2D, tf.Tensor2D];
    const meets = all(
      tf.greater(on, 0),
      tf.less(left, width),
      tf.less(top, height),
      tf.greaterEqual(x2, 0),
      tf.greaterEqual(y2, 0),
    );
    const covers = all(meets, tf.greater(right, left), tf.greater(bottom, top));
    // [b, 1 + n]: what box i left behind is at i + 1
    const weights = tf.concat([tf.zeros([b, 1]), values], 1) as tf.Tensor2D;

    // [b, h, w] int32
    const last = lastBox({ rows: between(top, bottom, height), columns: between(left, right, width), on: covers });
    const filled = gatherRows<tf.Tensor2D>(weights, tf.reshape(last, [b, height * width])); // [b, h·w]

    const small = all(meets, tf.logicalNot(covers));
    const at = tf.cast(
      tf.where<tf.Tensor>(small, tf.add(tf.mul(top, width), left), tf.scalar(0)),
      'int32',
    ) as tf.Tensor2D; // [b, n]
    const before = gatherRows<tf.Tensor2D>(tf.reshape(last, [b, height * width]), at); // [b, n]
    const { first, value } = smallBoxes({ at, before, small, values, old: gatherRows<tf.Tensor2D>(weights, before) });
    const marked = scatterRows(at, first, height * width);
    return tf.reshape(tf.where(tf.greater(marked, 0), scatterRows(at, tf.mul(first, value), height * width), filled), [
      b,
      height,
      width,
    ]);
  });
}

const all = (...conditions: readonly tf.Tensor[]): tf.Tensor2D =>
  conditions.reduce((a, b) => tf.logicalAnd(a, b)) as tf.Tensor2D;

/** [b, n, size] float32: 1 for the cells in [from, to), from and to being [b, n] */
function between(from: tf.Tensor2D, to: tf.Tensor2D, size: number): tf.Tensor3D {
  const cells = tf.range(0, size);
  return tf.cast(
    tf.logicalAnd(tf.greaterEqual(cells, tf.expandDims(from, -1)), tf.less(cells, tf.expandDims(to, -1))),
    'float32',
  );
}

/**
 * The last box on every cell, counted from 1, and 0 where there is none. Sixteen boxes at a time are the bits of one
 * number, which a matrix
 * product of their rows and columns adds up: a pass over the map for each sixteen instead of each one.
 */
function lastBox({
  rows,
  columns,
  on,
}: {
  readonly rows: tf.Tensor3D;
  readonly columns: tf.Tensor3D;
  readonly on: tf.Tensor2D;
}): tf.Tensor3D {
  const n = on.shape[1];
  let last: tf.Tensor = tf.zeros([rows.shape[0], rows.shape[2], columns.shape[2]]);
  for (let from = 0; from < n; from += BITS) {
    const count = Math.min(BITS, n - from);
    const part = <T extends tf.Tensor>(x: T): T => tf.slice(x, [0, from], [-1, count]);
    const bits = tf.mul(tf.cast(part(on), 'float32'), tf.tensor1d(Array.from({ length: count }, (_, i) => 2 ** i)));
    const set = tf.matMul(tf.mul(part(rows), tf.expandDims(bits, -1)), part(columns), true, false); // [b, h, w]
    // Half above, so that the logarithm of a power of two cannot fall short of it.
    const highest = tf.floor(tf.mul(tf.log(tf.add(set, 0.5)), 1 / Math.LN2));
    last = tf.where(tf.greater(set, 0), tf.add(highest, from + 1), last);
  }
  return tf.cast(last, 'int32') as tf.Tensor3D;
}

/**
 * What the boxes of a single cell leave there: the largest of them since the last box that covers the cell, or what
 * that one left.
 * @returns [b, n] each: 1 for one box of every cell that has any, and the value of its cell
 */
function smallBoxes({
  at,
  before,
  small,
  values,
  old,
}: Readonly<Record<'at' | 'before' | 'small' | 'values' | 'old', tf.Tensor2D>>): {
  first: tf.Tensor;
  value: tf.Tensor;
} {
  const n = at.shape[1];
  const order = tf.range(1, n + 1, 1, 'int32'); // [n]
  // [b, n, n]: j is a small box of i's cell
  const same = tf.logicalAnd(tf.equal(tf.expandDims(at, 2), tf.expandDims(at, 1)), tf.expandDims(small, 1));
  const since = tf.logicalAnd(same, tf.greater(order, tf.expandDims(before, 2)));
  const value = tf.maximum(old, tf.max(tf.mul(tf.cast(since, 'float32'), tf.expandDims(values, 1)), 2));
  const earlier = tf.any(tf.logicalAnd(same, tf.less(order, tf.expandDims(order, 1))), 2); // [b, n]
  return { first: tf.cast(tf.logicalAnd(small, tf.logicalNot(earlier)), 'float32'), value };
}
