import type { OpAttribute } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { RunOp } from './native-conv.js';
import { zeroPadded } from './zero-padded.js';

export interface DepthwiseConvOptions {
  readonly stride: number;
  /** Zeros on every side. */
  readonly pad: number;
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
  if (runOp) {
    registerOn(tf.getBackend());
    const attributes: Attributes = { stride, pad, runOp };
    return tf
      .engine()
      .runKernel(
        KERNEL,
        { x, kernel: tf.reshape(kernel, [kh, kw, c, 1]) },
        attributes as unknown as tf.NamedAttrMap,
      ) as tf.Tensor4D;
  }
  return tf.tidy(() =>
    tf.depthwiseConv2d(zeroPadded(x, pad), tf.reshape(kernel, [kh, kw, c, 1]) as tf.Tensor4D, stride, 'valid'),
  );
}

const KERNEL = 'KdDepthwiseConv';

interface Attributes extends DepthwiseConvOptions {
  readonly runOp: RunOp;
}

function registerOn(backendName: string): void {
  if (tf.getKernel(KERNEL, backendName) !== undefined) return;
  tf.registerKernel({
    kernelName: KERNEL,
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const { runOp, ...options } = attrs as unknown as Attributes;
      const { x, kernel } = inputs as { x: tf.Tensor4D; kernel: tf.Tensor4D };
      return runOp('DepthwiseConv2dNative', attributesOf(options, kernel), [x, kernel], 1)[0]!;
    },
  });
  if (tf.getGradient(KERNEL) !== undefined) return;
  tf.registerGradient({
    kernelName: KERNEL,
    inputsToSave: ['x', 'kernel'],
    gradFunc: (dy, saved, attrs) => {
      const { runOp, ...options } = attrs as unknown as Attributes;
      const [x, kernel] = saved as [tf.Tensor4D, tf.Tensor4D];
      return {
        x: () => inputGradient(runOp, x.shape, kernel, dy as tf.Tensor4D, options),
        kernel: () =>
          runOp(
            'DepthwiseConv2dNativeBackpropFilter',
            attributesOf(options, kernel),
            [x, tf.tensor1d(kernel.shape, 'int32'), dy as tf.Tensor],
            1,
          )[0]!,
      };
    },
  });
}

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
  const whole = stride > 1 ? pad : 0;
  const gradient = runOp(
    'DepthwiseConv2dNativeBackpropInput',
    attributesOf({ stride, pad: pad - whole }, kernel),
    [tf.tensor1d([b, h + 2 * whole, w + 2 * whole, c], 'int32'), kernel, dy],
    1,
  )[0]!;
  return whole === 0 ? gradient : tf.slice(gradient, [0, whole, whole, 0], [b, h, w, c]);
}

/** A kernel of odd sides that is padded all around is `SAME` where there is no stride: oneDNN takes that. */
function attributesOf({ stride, pad }: DepthwiseConvOptions, { shape: [kh, kw] }: tf.Tensor4D): OpAttribute[] {
  const same = stride === 1 && kh === 2 * pad + 1 && kw === kh;
  const padding = pad === 0 ? 'VALID' : same ? 'SAME' : 'EXPLICIT';
  return [
    { name: 'T', type: 'type', value: 'float32' },
    { name: 'strides', type: 'int[]', value: [1, stride, stride, 1] },
    { name: 'padding', type: 'string', value: padding },
    { name: 'explicit_paddings', type: 'int[]', value: padding === 'EXPLICIT' ? [0, 0, pad, pad, pad, pad, 0, 0] : [] },
    { name: 'data_format', type: 'string', value: 'NHWC' },
    { name: 'dilations', type: 'int[]', value: [1, 1, 1, 1] },
  ];
}
