import * as tf from '@tensorflow/tfjs-core';
import { convAttributes, type NativeKernel, type RunOp, runNative } from './native-kernel.js';
import { zeroPadded } from './zero-padded.js';

export interface DepthwiseConvOptions {
  readonly stride: number;
  /** Zeros on every side, or as TensorFlow's `same` pads. */
  readonly pad: number | 'same';
}

/** Whether each output channel reads the input channel of its own place alone. */
export const isDepthwise = (x: tf.Tensor4D, { shape: [, , own, out] }: tf.Tensor4D): boolean =>
  own === 1 && out === x.shape[3] && out > 1;

/**
 * A convolution of every channel by itself, in one op each forward and backward.
 * @param x [b, h, w, c]
 * @param kernel [kh, kw, 1, c], as a grouped convolution of c groups has it
 */
export function depthwiseConv2d(
  x: tf.Tensor4D,
  kernel: tf.Tensor4D,
  { stride, pad }: DepthwiseConvOptions,
  runOp?: RunOp,
): tf.Tensor4D {
  const [kh, kw, , c] = kernel.shape;
  const asTheirs = (): tf.Tensor4D => tf.reshape(kernel, [kh, kw, c, 1]);
  return runOp
    ? runNative(KERNEL, { x, kernel: asTheirs() }, { stride, pad, runOp })
    : tf.tidy(() =>
        pad === 'same'
          ? tf.depthwiseConv2d(x, asTheirs(), stride, 'same')
          : tf.depthwiseConv2d(zeroPadded(x, pad), asTheirs(), stride, 'valid'),
      );
}

interface Attributes extends DepthwiseConvOptions {
  readonly runOp: RunOp;
}

const KERNEL: NativeKernel<Attributes> = {
  name: 'KdDepthwiseConv',
  inputsToSave: ['x', 'kernel'],
  forward: ({ x, kernel }, { runOp, ...options }) =>
    runOp('DepthwiseConv2dNative', attributesOf(options, kernel as tf.Tensor4D), [x!, kernel!], 1)[0]!,
  gradient: (dy, saved, { runOp, ...options }) => {
    const [x, kernel] = saved as [tf.Tensor4D, tf.Tensor4D];
    return {
      x: () => inputGradient(runOp, x.shape, kernel, dy, options),
      kernel: () =>
        runOp(
          'DepthwiseConv2dNativeBackpropFilter',
          attributesOf(options, kernel),
          [x, tf.tensor1d(kernel.shape, 'int32'), dy],
          1,
        )[0]!,
    };
  },
};

/**
 * With a stride, TensorFlow's own loop computes the gradient of an explicitly padded input. oneDNN takes that of the
 * padded map, of which the inner part is ours: 14 ms against 20 at 8 x 80 x 80 x 144, 3 against 7 at 20 x 20 x 576.
 */
function inputGradient(
  runOp: RunOp,
  [b, h, w, c]: tf.Tensor4D['shape'],
  kernel: tf.Tensor4D,
  dy: tf.Tensor4D,
  { stride, pad }: DepthwiseConvOptions,
): tf.Tensor {
  if (pad === 'same') return backprop(runOp, [b, h, w, c], kernel, dy, { stride, pad });
  const whole = stride > 1 ? pad : 0;
  const gradient = backprop(runOp, [b, h + 2 * whole, w + 2 * whole, c], kernel, dy, { stride, pad: pad - whole });
  return whole === 0 ? gradient : tf.slice(gradient, [0, whole, whole, 0], [b, h, w, c]);
}

const backprop = (
  runOp: RunOp,
  shape: tf.Tensor4D['shape'],
  kernel: tf.Tensor4D,
  dy: tf.Tensor4D,
  options: DepthwiseConvOptions,
): tf.Tensor =>
  runOp(
    'DepthwiseConv2dNativeBackpropInput',
    attributesOf(options, kernel),
    [tf.tensor1d(shape, 'int32'), kernel, dy],
    1,
  )[0]!;

/** A kernel of odd sides that is padded all around is `SAME` where there is no stride: oneDNN takes that. */
function attributesOf(
  { stride, pad }: DepthwiseConvOptions,
  { shape: [kh, kw] }: tf.Tensor4D,
): ReturnType<typeof convAttributes> {
  if (pad === 'same') return convAttributes(stride, 'SAME');
  const same = stride === 1 && kh === 2 * pad + 1 && kw === kh;
  const padding = pad === 0 ? 'VALID' : same ? 'SAME' : 'EXPLICIT';
  return convAttributes(stride, padding, pad);
}
