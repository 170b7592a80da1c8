import * as tf from '@tensorflow/tfjs-core';

/** Sums a gradient over the axes along which an operand of `shape` was broadcast. */
function sumToShape(gradient: tf.Tensor, shape: number[]): tf.Tensor {
  const axes = tf.broadcast_util.getReductionAxes(shape, gradient.shape);
  return tf.reshape(axes.length > 0 ? tf.sum(gradient, axes) : gradient, shape);
}

/** 1 where `a` wins, 0 where `b` wins, 0.5 where both are equal. */
const shareOf = (winner: tf.Tensor, loser: tf.Tensor): tf.Tensor =>
  tf.mul(tf.add(tf.sign(tf.sub(winner, loser)), 1), 0.5);

/**
 * Elementwise maximum of broadcastable tensors. Unlike `tf.maximum`, its gradient broadcasts, and at ties each operand
 * gets half of it (as in torch) instead of the first operand getting all: a prediction that meets its target exactly
 * must not be pushed to one side.
 */
export const maximum = tf.customGrad((a, b, save) => {
  (save as tf.GradSaveFunc)([a as tf.Tensor, b as tf.Tensor]);
  return {
    value: tf.maximum(a as tf.Tensor, b as tf.Tensor),
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [x, y] = saved as [tf.Tensor, tf.Tensor];
      return [sumToShape(tf.mul(dy, shareOf(x, y)), x.shape), sumToShape(tf.mul(dy, shareOf(y, x)), y.shape)];
    },
  };
});

/** Elementwise minimum of broadcastable tensors, with the gradient of {@link maximum}. */
export const minimum = tf.customGrad((a, b, save) => {
  (save as tf.GradSaveFunc)([a as tf.Tensor, b as tf.Tensor]);
  return {
    value: tf.minimum(a as tf.Tensor, b as tf.Tensor),
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [x, y] = saved as [tf.Tensor, tf.Tensor];
      return [sumToShape(tf.mul(dy, shareOf(y, x)), x.shape), sumToShape(tf.mul(dy, shareOf(x, y)), y.shape)];
    },
  };
});
