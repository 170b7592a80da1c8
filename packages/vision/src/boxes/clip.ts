import * as tf from '@tensorflow/tfjs-core';

type Size = readonly [height: number, width: number];

/**
 * Boxes cut at the border of their image: x to [0, width], y to [0, height]. Detections clip to the resized image
 * before
 * padding, not to the padded batch.
 * @param boxes [..., 4], or [b, n, 4] with a size per image
 * @param size [height, width] in pixels, or one such pair per image
 */
export function clipBoxes<T extends tf.Tensor>(boxes: T, size: Size | readonly Size[]): T {
  return tf.tidy(() => {
    const limits = isSize(size)
      ? tf.tensor1d(limitsOf(size))
      : tf.tensor3d(
          size.map((s) => [limitsOf(s)]),
          [size.length, 1, 4],
        );
    return tf.minimum(tf.maximum(boxes, 0), limits) as T;
  });
}

const limitsOf = ([height, width]: Size): number[] => [width, height, width, height];

const isSize = (size: Size | readonly Size[]): size is Size => typeof size[0] === 'number';
