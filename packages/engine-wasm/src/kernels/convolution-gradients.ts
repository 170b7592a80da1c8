import * as tf from '@tensorflow/tfjs-core';
import { composeKernel } from './replace-kernel.js';

type Shape4D = [number, number, number, number];

interface ConvAttributes {
  readonly strides: number | [number, number];
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dilations?: number | [number, number];
  readonly dataFormat: 'NHWC' | 'NCHW';
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/** Gradients of convolutions as forward convolutions, the only ones that the back end has fast kernels for. */
export function registerConvolutionGradients(): void {
  registerGradients('Conv2D', inputGradient, filterGradient);
}

/** Of (dy, filter) that in the input, of (x, dy) that in the filter. */
type Gradient = (a: tf.Tensor4D, b: tf.Tensor4D, info: tf.backend_util.Conv2DInfo) => tf.Tensor;

/** Registers both gradients of the kernel of a convolution. */
export function registerGradients(
  kernel: 'Conv2D' | 'DepthwiseConv2dNative',
  ofInput: Gradient,
  ofFilter: Gradient,
): void {
  const depthwise = kernel === 'DepthwiseConv2dNative';
  composeKernel<ConvAttributes & { inputShape: Shape4D }>(`${kernel}BackpropInput`, ({ dy, filter }, attributes) => {
    const info = convInfo(attributes.inputShape, filter!.shape as Shape4D, attributes, depthwise);
    return ofInput(dy as tf.Tensor4D, filter as tf.Tensor4D, info);
  });
  composeKernel<ConvAttributes & { filterShape: Shape4D }>(`${kernel}BackpropFilter`, ({ x, dy }, attributes) => {
    const info = convInfo(x!.shape as Shape4D, attributes.filterShape, attributes, depthwise);
    return ofFilter(x as tf.Tensor4D, dy as tf.Tensor4D, info);
  });
}

/** @throws Error for images with their channels first */
function convInfo(
  input: Shape4D,
  filter: Shape4D,
  { strides, pad, dilations = 1, dataFormat = 'NHWC', dimRoundingMode }: ConvAttributes,
  depthwise: boolean,
): tf.backend_util.Conv2DInfo {
  if (dataFormat !== 'NHWC') throw new Error(`the wasm engine convolves images of NHWC, not of ${dataFormat}`);
  return tf.backend_util.computeConv2DInfo(
    input,
    filter,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    depthwise,
    'channelsLast',
  );
}

/**
 * dy [b, h', w', d], filter [kh, kw, c, d] -> [b, h, w, c].
 *
 * With stride s the pixels of the input fall into s * s classes by their place modulo s, and each class is a
 * convolution of dy of its own with every s-th tap of the filter. All classes are channels of one convolution, which
 * `depthToSpace` puts into their places.
 */
function inputGradient(dy: tf.Tensor4D, filter: tf.Tensor4D, info: tf.backend_util.Conv2DInfo): tf.Tensor4D {
  const { strideHeight: sh, strideWidth: sw, dilationHeight: dh, dilationWidth: dw } = info;
  if (sh === 1 && sw === 1) return convolvedBack(dy, filter, [dh, dw], info);
  if (sh !== sw || dh !== 1 || dw !== 1) return convolvedBack(spread(dy, sh, sw), filter, [dh, dw], info);
  const [s, b, d, c] = [sh, dy.shape[0], dy.shape[3], filter.shape[2]];
  const [kh, kw] = [filter.shape[0], filter.shape[1]];
  const [th, tw] = [Math.ceil(kh / s), Math.ceil(kw / s)]; // taps of a class
  const whole = tf.pad(filter, [
    [0, th * s - kh],
    [0, tw * s - kw],
    [0, 0],
    [0, 0],
  ]);
  // [th, s, tw, s, c, d] -> [th, tw, d, s, s, c]: class (i, j) has the taps i, i + s, ...
  const classes = tf.transpose(tf.reshape(whole, [th, s, tw, s, c, d]), [0, 2, 5, 1, 3, 4]);
  const taps = tf.reverse(tf.reshape(classes, [th, tw, d, s * s * c]) as tf.Tensor4D, [0, 1]);
  const { top, left } = info.padInfo;
  // Cell u of a class is row u * s + i of the padded input, and sums dy[u - t] over its taps t.
  const [rows, columns] = [Math.ceil((info.inHeight + top) / s), Math.ceil((info.inWidth + left) / s)];
  const padded = fitted(dy, [th - 1, rows - dy.shape[1]], [tw - 1, columns - dy.shape[2]]);
  const cells = tf.conv2d(padded, taps, 1, 'valid');
  const pixels = tf.depthToSpace(cells, s);
  return tf.slice(pixels, [0, top, left, 0], [b, info.inHeight, info.inWidth, c]);
}

/** For stride 1: dy over the filter turned by half a turn. */
function convolvedBack(
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  dilations: [number, number],
  { padInfo: { top, left }, inHeight, inWidth }: tf.backend_util.Conv2DInfo,
): tf.Tensor4D {
  const turned = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]);
  const reach = (size: number, dilation: number): number => (size - 1) * dilation;
  const [h, w] = [reach(filter.shape[0], dilations[0]), reach(filter.shape[1], dilations[1])];
  // Rows that the convolution left out at the end are wanted too.
  const before = [h - top, w - left] as const;
  const after = [inHeight + h - before[0] - dy.shape[1], inWidth + w - before[1] - dy.shape[2]] as const;
  const padded = [...before, ...after].every((pad) => pad >= 0);
  const edges: tf.backend_util.ExplicitPadding = [
    [0, 0],
    [before[0], after[0]],
    [before[1], after[1]],
    [0, 0],
  ];
  return padded
    ? tf.conv2d(dy, turned, 1, edges, 'NHWC', dilations)
    : tf.conv2d(fitted(dy, [before[0], after[0]], [before[1], after[1]]), turned, 1, 'valid', 'NHWC', dilations);
}

/** x with zeros before and after its rows and columns, or less of them where a number is below 0. */
export function fitted(
  x: tf.Tensor4D,
  rows: readonly [number, number],
  columns: readonly [number, number],
): tf.Tensor4D {
  const [b, h, w, c] = x.shape;
  const cut = (pad: number): number => Math.max(0, -pad);
  const add = (pad: number): number => Math.max(0, pad);
  const inner =
    [...rows, ...columns].some((pad) => pad < 0) &&
    tf.slice(
      x,
      [0, cut(rows[0]), cut(columns[0]), 0],
      [b, h - cut(rows[0]) - cut(rows[1]), w - cut(columns[0]) - cut(columns[1]), c],
    );
  const edges: [number, number][] = [
    [0, 0],
    [add(rows[0]), add(rows[1])],
    [add(columns[0]), add(columns[1])],
    [0, 0],
  ];
  return edges.flat().some((pad) => pad > 0) ? tf.pad(inner || x, edges) : inner || tf.clone(x);
}

/** [b, h, w, c] -> [b, (h - 1) * sh + 1, (w - 1) * sw + 1, c] with zeros between the pixels. */
export function spread(x: tf.Tensor4D, sh: number, sw: number): tf.Tensor4D {
  if (sh === 1 && sw === 1) return x;
  const [b, h, w, c] = x.shape;
  const cells = tf.pad(tf.reshape(x, [b, h, 1, w, 1, c]), [
    [0, 0],
    [0, 0],
    [0, sh - 1],
    [0, 0],
    [0, sw - 1],
    [0, 0],
  ]);
  return tf.slice(
    tf.reshape(cells, [b, h * sh, w * sw, c]) as tf.Tensor4D,
    [0, 0, 0, 0],
    [b, (h - 1) * sh + 1, (w - 1) * sw + 1, c],
  );
}

/**
 * x [b, h, w, c], dy [b, h', w', d] -> [kh, kw, c, d]: x convolved with dy, where images are channels and stride and
 * dilation change places.
 */
function filterGradient(x: tf.Tensor4D, dy: tf.Tensor4D, info: tf.backend_util.Conv2DInfo): tf.Tensor4D {
  const { filterHeight, filterWidth, strideHeight, strideWidth, dilationHeight, dilationWidth } = info;
  const { top, left } = info.padInfo;
  // Exactly what the taps reach: rows that the convolution left out at the end are no part of it.
  const rows = (dy.shape[1] - 1) * strideHeight + (filterHeight - 1) * dilationHeight + 1;
  const columns = (dy.shape[2] - 1) * strideWidth + (filterWidth - 1) * dilationWidth + 1;
  const reached = fitted(x, [top, rows - top - x.shape[1]], [left, columns - left - x.shape[2]]);
  const gradient = tf.conv2d(
    tf.transpose(reached, [3, 1, 2, 0]),
    tf.transpose(dy, [1, 2, 0, 3]),
    [dilationHeight, dilationWidth],
    'valid',
    'NHWC',
    [strideHeight, strideWidth],
  );
  return tf.transpose(gradient, [1, 2, 0, 3]);
}
