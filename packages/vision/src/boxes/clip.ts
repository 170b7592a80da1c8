import { type ImageSizes, sizesOnDevice } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

type Size = readonly [height: number, width: number];

/**
 * Boxes cut at the border of their image: x to [0, width], y to [0, height]. Detections clip to the resized image
 * before
 * padding, not to the padded batch.
 * @param boxes [..., 4], or [b, n, 4] with a size per image
 * @param size [height, width] in pixels, or one such pair per image
 */
export function clipBoxes<T extends tf.Tensor>(boxes: T, size: Size | ImageSizes): T {
  return tf.tidy(() => {
    const limits = isSize(size)
      ? tf.tensor1d([size[1], size[0], size[1], size[0]])
      : tf.expandDims(tf.gather(sizesOnDevice(size), tf.tensor1d([1, 0, 1, 0], 'int32'), 1), 1); // [b, 1, 4]
    return tf.minimum(tf.maximum(boxes, 0), limits) as T;
  });
}

const isSize = (size: Size | ImageSizes): size is Size => Array.isArray(size) && typeof size[0] === 'number';
