import type { StepRng } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Which cells stay, shared by the channels: each with a probability of 1 - ratio, by the stream alone.
 * @returns [b, h, w, 1] of 1 and 0
 */
export function randomMask([b, h, w]: readonly number[], ratio: number, rng: StepRng): tf.Tensor4D {
  return tf.tidy(() => tf.cast(tf.less(rng.uniform([b!, h!, w!, 1]), 1 - ratio), 'float32') as tf.Tensor4D);
}
