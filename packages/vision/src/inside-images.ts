import { type ImageSizes, sizesOnDevice } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Location weights [n, h, w, 1]: 1 for cells that begin inside of their image, 0 for those in the padding of the batch.
 * @param shape [n, h, w, c] of the map
 * @param stride pixels of the input a cell
 * @param sizes [height, width] of each image before padding
 */
export function insideImages(
  [n, h, w]: readonly [number, number, number, number],
  stride: number,
  sizes: ImageSizes,
): tf.Tensor4D {
  return tf.tidy(() => {
    const [heights, widths] = tf.split(sizesOnDevice(sizes), 2, 1) as [tf.Tensor2D, tf.Tensor2D]; // [n, 1]
    // [n, cells]
    const begun = (cells: number, side: tf.Tensor2D): tf.Tensor => tf.less(tf.mul(tf.range(0, cells), stride), side);
    const inside = tf.logicalAnd(
      tf.reshape(begun(h, heights), [n, h, 1, 1]),
      tf.reshape(begun(w, widths), [n, 1, w, 1]),
    );
    return tf.cast(inside, 'float32') as tf.Tensor4D;
  });
}
