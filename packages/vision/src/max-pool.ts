import * as tf from '@tensorflow/tfjs-core';

export interface MaxPoolOptions {
  readonly size: number;
  readonly stride: number;
  /** Cells on every side that never are the maximum. */
  readonly pad?: number;
}

const LOWEST = -3.4028234663852886e38;

/** Max pooling padded on both sides as torch pads it, on maps that may be negative. [b, h, w, c] */
export function maxPool2d(x: tf.Tensor4D, { size, stride, pad = 0 }: MaxPoolOptions): tf.Tensor4D {
  return tf.tidy(() => {
    const padded =
      pad > 0
        ? tf.pad(
            x,
            [
              [0, 0],
              [pad, pad],
              [pad, pad],
              [0, 0],
            ],
            LOWEST,
          )
        : x;
    return tf.maxPool(padded, size, stride, 'valid');
  });
}
