import * as tf from '@tensorflow/tfjs-core';

/**
 * The mean of a map over the cells that a box covers, [trunc(x1 / stride), trunc(x2 / stride)] with both ends and likewise y, clamped to the
 * map so that a crop has at least one cell. The gradient flows into the map, an equal part to every cell of the crop, and not into the boxes.
 * How instances are described by Tang et al. (ECCV 2022, crops of training).
 * @param map [b, h, w, c]
 * @param boxes [b, n, 4] in pixels of the resized image
 * @param stride pixels of the input per cell, or [vertical, horizontal]
 * @returns [b, n, c]
 */
export function cropPool(map: tf.Tensor4D, boxes: tf.Tensor3D, stride: number | readonly [number, number]): tf.Tensor3D {
  const [b, h, w, c] = map.shape;
  const n = boxes.shape[1];
  if (n === 0) return tf.zeros([b, 0, c]);
  return tf.tidy(() => {
    const [down, across] = typeof stride === 'number' ? [stride, stride] : stride;
    const [x1, y1, x2, y2] = tf.unstack(boxes, -1) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor2D]; // [b, n]
    const rows = shares(y1, y2, down, h); // [b, n, h]
    const columns = shares(x1, x2, across, w); // [b, n, w]
    const cells = tf.reshape(tf.mul(tf.expandDims(rows, 3), tf.expandDims(columns, 2)), [b, n, h * w]);
    return tf.matMul(cells, tf.reshape(map, [b, h * w, c]) as tf.Tensor3D);
  });
}

/** What each cell of an axis counts in the mean of each crop, [b, n, size]: 1 / length inside, 0 outside. */
function shares(low: tf.Tensor2D, high: tf.Tensor2D, stride: number, size: number): tf.Tensor3D {
  const first = tf.clipByValue(tf.floor(tf.div(low, stride)), 0, size - 1); // [b, n]
  const last = tf.maximum(first, tf.clipByValue(tf.floor(tf.div(high, stride)), 0, size - 1));
  const at = tf.range(0, size);
  const inside = tf.logicalAnd(tf.greaterEqual(at, tf.expandDims(first, -1)), tf.lessEqual(at, tf.expandDims(last, -1)));
  return tf.div(tf.cast(inside, 'float32'), tf.expandDims(tf.add(tf.sub(last, first), 1), -1)) as tf.Tensor3D;
}
