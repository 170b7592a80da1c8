import * as tf from '@tensorflow/tfjs-core';
import { layers, type Shape } from '@tensorflow/tfjs-layers';

/**
 * Resizes the first input to the height and width of the second by the nearest neighbour: source index `floor(i · in /
 * out)`,
 * as torch's `interpolate`. Plain doubling where the sizes are multiples of each other.
 */
export class UpsampleLike extends layers.Layer {
  static readonly className = 'UpsampleLike';

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [from, like] = inputShape as Shape[];
    return [from![0]!, like![1]!, like![2]!, from![3]!];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const [from, like] = inputs as [tf.Tensor4D, tf.Tensor4D];
    return resizeNearest(from, like.shape[1], like.shape[2]);
  }
}

/** [b, h, w, c] → [b, height, width, c] */
export function resizeNearest(x: tf.Tensor4D, height: number, width: number): tf.Tensor4D {
  return tf.tidy(() => repeatAxis(repeatAxis(x, 1, height), 2, width) as tf.Tensor4D);
}

function repeatAxis(x: tf.Tensor4D, axis: 1 | 2, size: number): tf.Tensor4D {
  const from = x.shape[axis]!;
  if (from === size) return tf.clone(x);
  const indices = Int32Array.from({ length: size }, (_, i) => Math.floor((i * from) / size));
  return tf.gather(x, tf.tensor1d(indices, 'int32'), axis);
}
