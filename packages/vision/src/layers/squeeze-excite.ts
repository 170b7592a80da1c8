import * as tf from '@tensorflow/tfjs-core';
import { layers, type Shape } from '@tensorflow/tfjs-layers';
import { hardSigmoid } from './hard-swish.js';
import { onlyTensor } from './layer-weight.js';
import { spatialSum } from './normalise.js';

/** Mean over height and width, [b, h, w, c] → [b, 1, 1, c]: the squeeze of Hu et al., 2018. */
export class SpatialMean extends layers.Layer {
  static readonly className = 'SpatialMean';

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [b, , , c] = inputShape as Shape;
    return [b!, 1, 1, c!];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = onlyTensor(inputs) as tf.Tensor4D;
      const [b, h, w, c] = x.shape;
      return tf.reshape(tf.div(spatialSum(x), h * w), [b, 1, 1, c]);
    });
  }
}

/** `x · hardSigmoid(gate)` of a map [b, h, w, c] and a gate [b, 1, 1, c]: the excitation. */
export class HardGate extends layers.Layer {
  static readonly className = 'HardGate';

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return inputShape[0] as Shape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const [x, gate] = inputs as [tf.Tensor4D, tf.Tensor4D];
      return scaleChannels(x, hardSigmoid(gate));
    });
  }
}

/** The gradient of the scale is summed as in {@link spatialSum}; that of `mul` loses digits over a large map. */
const scaleChannels = tf.customGrad((map, factors, save) => {
  const [x, scale] = [map, factors] as [tf.Tensor4D, tf.Tensor4D];
  (save as unknown as tf.GradSaveFunc)([x, scale]);
  return {
    value: tf.mul(x, scale),
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [at, by] = saved as [tf.Tensor4D, tf.Tensor4D];
      return [tf.mul(dy, by), tf.reshape(spatialSum(tf.mul(dy, at) as tf.Tensor4D), by.shape)];
    },
  };
}) as (x: tf.Tensor4D, scale: tf.Tensor4D) => tf.Tensor4D;
