import * as tf from '@tensorflow/tfjs-core';
import { fitted, registerGradients, spread } from './convolution-gradients.js';

/** Gradients of depthwise convolutions, out of forward ones and sums. */
export function registerDepthwiseGradients(): void {
  registerGradients('DepthwiseConv2dNative', inputGradient, filterGradient);
}

/** dy [b, h', w', c * m], filter [kh, kw, c, m] -> [b, h, w, c]: dy with zeros between, over the turned filter. */
function inputGradient(dy: tf.Tensor4D, filter: tf.Tensor4D, info: tf.backend_util.Conv2DInfo): tf.Tensor4D {
  const [kh, kw, c, m] = filter.shape;
  const { strideHeight, strideWidth, dilationHeight, dilationWidth, inHeight, inWidth, padInfo } = info;
  const apart = spread(dy, strideHeight, strideWidth);
  const [reachH, reachW] = [(kh - 1) * dilationHeight, (kw - 1) * dilationWidth];
  const padded = fitted(
    apart,
    [reachH - padInfo.top, inHeight + padInfo.top - apart.shape[1]],
    [reachW - padInfo.left, inWidth + padInfo.left - apart.shape[2]],
  );
  const turned = tf.reshape(tf.reverse(filter, [0, 1]), [kh, kw, c * m, 1]) as tf.Tensor4D;
  const each = tf.depthwiseConv2d(padded, turned, 1, 'valid', 'NHWC', [dilationHeight, dilationWidth]);
  return m === 1 ? each : tf.sum(tf.reshape(each, [dy.shape[0], inHeight, inWidth, c, m]), 4);
}

/** x [b, h, w, c], dy [b, h', w', c * m] -> [kh, kw, c, m]: for each tap the sum of what it met, times dy. */
function filterGradient(x: tf.Tensor4D, dy: tf.Tensor4D, info: tf.backend_util.Conv2DInfo): tf.Tensor4D {
  const { filterHeight: kh, filterWidth: kw, strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo } = info;
  const [b, rows, columns, channels] = dy.shape;
  const [c, m] = [x.shape[3], channels / x.shape[3]];
  const [high, wide] = [rows * strideHeight, columns * strideWidth];
  const padded = fitted(
    x,
    [padInfo.top, (kh - 1) * dilationHeight + high - padInfo.top - x.shape[1]],
    [padInfo.left, (kw - 1) * dilationWidth + wide - padInfo.left - x.shape[2]],
  );
  const ones = tf.ones([1, b * rows * columns]) as tf.Tensor2D;
  const taps: tf.Tensor[] = [];
  for (let i = 0; i < kh; i++)
    for (let j = 0; j < kw; j++) {
      const met = tf.slice(padded, [0, i * dilationHeight, j * dilationWidth, 0], [b, high, wide, c]);
      const strided =
        strideHeight * strideWidth === 1
          ? met
          : tf.slice(
              tf.reshape(met, [b, rows, strideHeight, columns, strideWidth, c]),
              [0, 0, 0, 0, 0, 0],
              [b, rows, 1, columns, 1, c],
            );
      const product = tf.mul(tf.reshape(strided, [b, rows, columns, c, 1]), tf.reshape(dy, [b, rows, columns, c, m]));
      taps.push(tf.matMul(ones, tf.reshape(product, [-1, channels]) as tf.Tensor2D));
    }
  return tf.reshape(tf.stack(taps), [kh, kw, c, m]);
}
