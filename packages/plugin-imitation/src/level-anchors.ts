import { KdError, type Priors } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

export interface LevelAnchorsOptions {
  /** Index of the level, the finest is 0. */
  readonly place: number;
  /** Cells of the level's map. */
  readonly height: number;
  readonly width: number;
  /** Side in strides of a square around each point instead; null takes the priors as they are. */
  readonly virtual: number | null;
}

/**
 * The anchors of one level, [h·w·a, 4].
 * @throws KdError TAP_MISMATCH when the level has another number of priors than its cells can hold
 */
export function levelAnchors(
  id: string,
  { boxes, perLevel, strides }: Priors,
  { place, height, width, virtual }: LevelAnchorsOptions,
): tf.Tensor2D {
  const count = perLevel[place] ?? 0;
  if (count === 0 || count % (height * width) !== 0) {
    throw new KdError(
      'TAP_MISMATCH',
      `${id}: level ${place} has ${count} priors and a map of ${height} x ${width} cells, so that priors and cells do not belong together. Compare levels of the neck that the head reads.`,
    );
  }
  const first = perLevel.slice(0, place).reduce((sum, n) => sum + n, 0);
  const own = tf.slice(boxes, [first, 0], [count, 4]);
  if (virtual === null) return own;
  const [x1, y1, x2, y2] = tf.split(own, 4, 1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const [x, y] = [tf.div(tf.add(x1, x2), 2), tf.div(tf.add(y1, y2), 2)];
  const [down, across] = strides[place]!.map((stride) => (stride * virtual) / 2) as [number, number];
  return tf.concat([tf.sub(x, across), tf.sub(y, down), tf.add(x, across), tf.add(y, down)], 1) as tf.Tensor2D;
}
