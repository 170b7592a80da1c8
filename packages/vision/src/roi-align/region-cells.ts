import * as tf from '@tensorflow/tfjs-core';
import type { Layout, Sampling } from './sampling.js';

/** Where regions lie on the maps of their levels, in cells. */
export interface RegionCells {
  /** [r, 1] what each region's level has of a list with a value a level */
  readonly ofLevel: (values: readonly number[] | tf.Tensor1D, dtype?: 'float32' | 'int32') => tf.Tensor2D;
  /** [r, 1] int32: the first row of the region's image and level among the rows of all maps */
  readonly firstRow: tf.Tensor2D;
  readonly y: RegionAxis;
  readonly x: RegionAxis;
}

/** [r, 1] each: where regions start, the length of their bins, and the cells of their maps. */
export interface RegionAxis {
  readonly start: tf.Tensor2D;
  readonly bin: tf.Tensor2D;
  readonly side: tf.Tensor2D;
}

/**
 * @param boxes [b, n, 4] in pixels
 * @param levels [b, n] int32
 */
export function regionCells(
  boxes: tf.Tensor3D,
  levels: tf.Tensor2D,
  { sides, starts, scales }: Layout,
  { size, aligned }: Sampling,
): RegionCells {
  const [b, n] = levels.shape;
  const r = b * n;
  const at = tf.reshape(levels, [r]);
  const ofLevel: RegionCells['ofLevel'] = (values, dtype = 'int32') =>
    tf.reshape(tf.gather(values instanceof tf.Tensor ? values : tf.tensor1d([...values], dtype), at), [r, 1]);
  const corners = tf.sub(tf.mul(tf.reshape(boxes, [r, 4]), ofLevel(scales, 'float32')), aligned ? 0.5 : 0); // [r, 4]
  const axis = (low: 0 | 1, side: 0 | 1): RegionAxis => {
    const start = tf.slice(corners, [0, low], [r, 1]) as tf.Tensor2D;
    const length = tf.sub(tf.slice(corners, [0, low + 2], [r, 1]), start);
    return {
      start,
      bin: tf.div(aligned ? length : tf.maximum(length, 1), size[side]),
      side: ofLevel(
        sides.map((level) => level[side]),
        'float32',
      ),
    };
  };
  const image = tf.reshape(tf.floorDiv(tf.range(0, r, 1, 'int32'), tf.scalar(n, 'int32')), [r, 1]);
  const area = ofLevel(sides.map(([height, width]) => height * width));
  return { ofLevel, firstRow: tf.add(ofLevel(starts), tf.mul(image, area)), y: axis(1, 0), x: axis(0, 1) };
}
