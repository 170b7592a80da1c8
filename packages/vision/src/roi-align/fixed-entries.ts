import * as tf from '@tensorflow/tfjs-core';
import { type RegionAxis, regionCells } from './region-cells.js';
import type { Layout, Sampling } from './sampling.js';
import type { SparseEntries } from './sparse-product.js';

/** Cells that the samples of each bin read along one axis: two a sample. [r, bins, taps] each. */
interface Taps {
  readonly index: tf.Tensor3D;
  readonly weight: tf.Tensor3D;
}

/**
 * What every bin reads, for a fixed number of samples: on the device, with shapes that do not depend on the boxes.
 * @param boxes [b, n, 4] in pixels
 * @param levels [b, n] int32
 */
export function fixedEntries(
  boxes: tf.Tensor3D,
  levels: tf.Tensor2D,
  layout: Layout,
  sampling: Sampling,
): SparseEntries {
  const { size, ratio } = sampling;
  const r = levels.size;
  const cells = regionCells(boxes, levels, layout, sampling);
  const y = taps(cells.y, size[0], ratio);
  const x = taps(cells.x, size[1], ratio);
  const rowStarts = tf.add(
    tf.reshape(cells.firstRow, [r, 1, 1]),
    tf.mul(y.index, tf.reshape(cells.ofLevel(layout.sides.map(([, width]) => width)), [r, 1, 1])),
  ); // [r, bins, taps]
  const down = <T extends tf.Tensor>(of: T): tf.Tensor => tf.reshape(of, [r, size[0], 1, 2 * ratio, 1]);
  const right = <T extends tf.Tensor>(of: T): tf.Tensor => tf.reshape(of, [r, 1, size[1], 1, 2 * ratio]);
  const columns = tf.reshape(tf.add(down(rowStarts), right(x.index)), [-1]);
  const bins = r * size[0] * size[1];
  const rows = tf.reshape(
    tf.mul(tf.expandDims(tf.range(0, bins, 1, 'int32'), 1), tf.ones([1, 4 * ratio * ratio], 'int32')),
    [-1],
  );
  return {
    indices: tf.stack([rows, columns], 1) as tf.Tensor2D,
    weights: tf.reshape(tf.mul(down(y.weight), right(x.weight)), [-1]),
  };
}

function taps({ start, bin, side }: RegionAxis, bins: number, ratio: number): Taps {
  const number = Array.from({ length: bins * ratio }, (_, i) => i);
  const ofBin = tf.mul(bin, tf.tensor2d([number.map((i) => Math.floor(i / ratio))]));
  const inBin = tf.div(tf.mul(bin, tf.tensor2d([number.map((i) => (i % ratio) + 0.5)])), ratio);
  const position = tf.add(tf.add(start, ofBin), inBin); // [r, bins · ratio]
  const last = tf.sub(side, 1);
  const inside = tf.logicalAnd(tf.greaterEqual(position, -1), tf.lessEqual(position, side));
  const clamped = tf.minimum(tf.maximum(position, 0), last);
  const low = tf.floor(clamped);
  const fraction = tf.sub(clamped, low);
  const share = tf.div(tf.cast(inside, 'float32'), ratio);
  const high = tf.mul(fraction, share);
  const shape: [number, number, number] = [start.shape[0], bins, 2 * ratio];
  return {
    index: tf.cast(tf.reshape(tf.stack([low, tf.minimum(tf.add(low, 1), last)], 2), shape), 'int32'),
    weight: tf.reshape(tf.stack([tf.sub(share, high), high], 2), shape),
  };
}
