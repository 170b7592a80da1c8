import * as tf from '@tensorflow/tfjs-core';
import type { ImageSizes } from '../contract/detector.js';

/** [b, 2] float32, height and width of each image. */
export const sizesOnDevice = (sizes: ImageSizes): tf.Tensor2D =>
  sizes instanceof tf.Tensor ? sizes : tf.tensor2d(sizes.flat(), [sizes.length, 2]);
