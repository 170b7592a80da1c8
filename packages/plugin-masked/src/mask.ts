import type { Rng } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Which cells stay, shared by the channels: each with a probability of 1 - ratio, by the stream alone.
 * @returns [b, h, w, 1] of 1 and 0
 */
export function randomMask([b, h, w]: readonly number[], ratio: number, rng: Rng): tf.Tensor4D {
  const kept = Float32Array.from({ length: b! * h! * w! }, () => (rng.uniform() < 1 - ratio ? 1 : 0));
  return tf.tensor4d(kept, [b!, h!, w!, 1]);
}
