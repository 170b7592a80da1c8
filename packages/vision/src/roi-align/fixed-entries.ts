import * as tf from '@tensorflow/tfjs-core';
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
  { sides, starts, scales }: Layout,
  { size, ratio, aligned }: Sampling,
): SparseEntries {
  const [b, n] = levels.shape;
  const r = b * n;
  const at = tf.reshape(levels, [r]);
  const ofLevel = (values: readonly number[] | tf.Tensor1D, dtype: 'float32' | 'int32' = 'int32'): tf.Tensor2D =>
    tf.reshape(tf.gather(values instanceof tf.Tensor ? values : tf.tensor1d([...values], dtype), at), [r, 1]);
  // [r, 4] in cells
  const corners = tf.sub(tf.mul(tf.reshape(boxes, [r, 4]), ofLevel(scales, 'float32')), aligned ? 0.5 : 0);
  const axis = (low: number, bins: number, side: 0 | 1): Taps => {
    const start = tf.slice(corners, [0, low], [r, 1]) as tf.Tensor2D;
    const length = tf.sub(tf.slice(corners, [0, low + 2], [r, 1]), start) as tf.Tensor2D;
    return taps(
      start,
      aligned ? length : tf.maximum(length, 1),
      ofLevel(
        sides.map((level) => level[side]),
        'float32',
      ),
      bins,
      ratio,
    );
  };
  const y = axis(1, size[0], 0);
  const x = axis(0, size[1], 1);
  const image = tf.reshape(tf.mul(tf.range(0, b, 1, 'int32'), tf.ones([n, 1], 'int32')), [n, b]); // [n, b]
  const first = tf.add(
    ofLevel(starts),
    tf.mul(tf.reshape(tf.transpose(image), [r, 1]), ofLevel(sides.map(([height, width]) => height * width))),
  ); // [r, 1]
  const rowStarts = tf.add(
    tf.reshape(first, [r, 1, 1]),
    tf.mul(y.index, tf.reshape(ofLevel(sides.map(([, width]) => width)), [r, 1, 1])),
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

/** @param start [r, 1] @param length [r, 1] @param side [r, 1] cells of the map along this axis */
function taps(start: tf.Tensor2D, length: tf.Tensor2D, side: tf.Tensor2D, bins: number, ratio: number): Taps {
  const bin = tf.div(length, bins);
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
