import * as tf from '@tensorflow/tfjs-core';

type Size = readonly [height: number, width: number];

/**
 * Boxes of an image of size `from` in the coordinates of the image resized to `to`. The factors are the float32
 * quotients
 * of the sizes, per axis.
 * @param boxes [..., 4] in pixels
 */
export function resizeBoxes<T extends tf.Tensor>(boxes: T, from: Size, to: Size): T {
  return tf.tidy(() => {
    const [y, x] = [Math.fround(to[0] / from[0]), Math.fround(to[1] / from[1])];
    return tf.mul(boxes, tf.tensor1d([x, y, x, y])) as T;
  });
}
