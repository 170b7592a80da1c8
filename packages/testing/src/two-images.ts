import type { HostBatch, Targets } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/** Two images and their objects as a step hands them to a detector; the caller disposes them. */
export interface TwoImages {
  /** [2, 32, 64, 3]: noise, the same at every call */
  readonly images: tf.Tensor4D;
  /** Objects of the classes 0 and 2, and 1: a row of the second image, 30 by 40 pixels of its own, is padding. */
  readonly targets: Targets & Pick<HostBatch, 'imageSizes'>;
}

/** A batch for tests of a detector with three classes or more. */
export const twoImages = (): TwoImages => ({
  images: tf.randomNormal([2, 32, 64, 3], 0, 1, 'float32', 3),
  targets: {
    boxes: tf.tensor3d([
      [
        [4, 6, 40, 28],
        [30, 8, 60, 30],
      ],
      [
        [10, 10, 30, 31],
        [0, 0, 0, 0],
      ],
    ]),
    labels: tf.tensor2d(
      [
        [0, 2],
        [1, 0],
      ],
      [2, 2],
      'int32',
    ),
    mask: tf.tensor2d([
      [1, 1],
      [1, 0],
    ]),
    imageSizes: [
      [32, 64],
      [30, 40],
    ],
    paddedSize: [32, 64],
    ids: [1, 2],
  },
});
