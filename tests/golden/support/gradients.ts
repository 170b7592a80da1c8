import * as tf from '@tensorflow/tfjs-core';

/**
 * `run` with a gradient for every input, zeros where the value does not depend on it: a loss without objects is a
 * constant, of which TensorFlow.js refuses to take a gradient.
 */
export const touching =
  (run: (...inputs: tf.Tensor[]) => tf.Scalar) =>
  (...inputs: tf.Tensor[]): tf.Scalar =>
    tf.addN([run(...inputs), ...inputs.map((input) => tf.mul(tf.sum(input), 0))]) as tf.Scalar;
