import * as tf from '@tensorflow/tfjs-core';
import { layers, type Shape } from '@tensorflow/tfjs-layers';
import { onlyTensor } from './layer-weight.js';

/** torch's hard sigmoid, `relu6(x + 3) / 6`; that of Keras has another slope. */
export const hardSigmoid = <T extends tf.Tensor>(x: T): T =>
  tf.tidy(() => tf.clipByValue(tf.add(tf.mul(x, 1 / 6), 0.5), 0, 1) as T);

/** `x · hardSigmoid(x)` (Howard et al., 2019), its gradient in closed form: 0 below -3, 1 above 3, `x / 3 + 1 / 2`. */
export const hardSwish = <T extends tf.Tensor>(x: T): T =>
  tf.customGrad((input, save) => {
    (save as tf.GradSaveFunc)([input as tf.Tensor]);
    const value = input as T;
    return {
      value: tf.mul(value, hardSigmoid(value)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [at] = saved as [tf.Tensor];
        const slope = tf.where(tf.less(tf.abs(at), 3), tf.add(tf.mul(at, 1 / 3), 0.5), tf.step(at));
        return tf.mul(dy, slope);
      },
    };
  })(x) as T;

/** {@link hardSwish} as a layer. */
export class HardSwish extends layers.Layer {
  static readonly className = 'HardSwish';

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    return inputShape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => hardSwish(onlyTensor(inputs)));
  }
}
