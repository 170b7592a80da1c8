import * as tf from '@tensorflow/tfjs-core';

/** [b, h, w, c] with zeros on every side. */
export const zeroPadded = (x: tf.Tensor4D, pad: number): tf.Tensor4D =>
  pad === 0
    ? x
    : tf.pad(x, [
        [0, 0],
        [pad, pad],
        [pad, pad],
        [0, 0],
      ]);
