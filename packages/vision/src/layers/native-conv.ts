import type { OpAttribute } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { convAttributes, FLOAT, type NativeKernel, type RunOp, runNative } from './native-kernel.js';
import { spatialSum } from './normalise.js';

export interface NativeConvOptions {
  readonly stride: number;
  /** Zeros on every side. */
  readonly pad: number;
  /** Only with a bias; 6: capped there. */
  readonly relu: boolean | 6;
}

interface Attributes extends NativeConvOptions {
  readonly runOp: RunOp;
}

/**
 * `relu(conv(x, kernel) + bias)` as one op of native TensorFlow, padding included; without a bias the convolution
 * alone.
 * @param x [b, h, w, in]
 * @param kernel [kh, kw, in, out]
 * @param bias [out]
 */
export function nativeConv(
  runOp: RunOp,
  x: tf.Tensor4D,
  kernel: tf.Tensor4D,
  bias: tf.Tensor1D | undefined,
  options: NativeConvOptions,
): tf.Tensor4D {
  const inputs: tf.NamedTensorMap = bias ? { x, kernel, bias } : { x, kernel };
  return runNative(KERNEL, inputs, { ...options, relu: bias !== undefined && options.relu, runOp });
}

const KERNEL: NativeKernel<Attributes> = {
  name: 'KdConvBiasRelu',
  inputsToSave: ['x', 'kernel'],
  outputsToSave: [true],
  forward: (inputs, { runOp, relu, ...geometry }) => {
    const { x, kernel, bias } = inputs as { x: tf.Tensor4D; kernel: tf.Tensor4D; bias?: tf.Tensor };
    if (bias === undefined) return tf.conv2d(x, kernel, geometry.stride, geometry.pad);
    const fused: OpAttribute[] = [
      { name: 'num_args', type: 'int', value: 1 },
      { name: 'TArgs', type: 'type', value: ['float32'] },
      {
        name: 'fused_ops',
        type: 'string[]',
        value: ['BiasAdd', ...(relu === false ? [] : [relu === 6 ? 'Relu6' : 'Relu'])],
      },
    ];
    return runOp('_FusedConv2D', [...attributesOf(geometry, kernel), ...fused], [x, kernel, bias], 1)[0]!;
  },
  gradient: (dy, saved, { runOp, relu, ...geometry }) => {
    const [x, kernel, y] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
    const slope = (
      relu === false ? dy : runOp(relu === 6 ? 'Relu6Grad' : 'ReluGrad', [FLOAT], [dy, y], 1)[0]!
    ) as tf.Tensor4D;
    return {
      x: () =>
        runOp(
          'Conv2DBackpropInput',
          attributesOf(geometry, kernel),
          [tf.tensor1d(x.shape, 'int32'), kernel, slope],
          1,
        )[0]!,
      kernel: () =>
        runOp(
          'Conv2DBackpropFilter',
          attributesOf(geometry, kernel),
          [x, tf.tensor1d(kernel.shape, 'int32'), slope],
          1,
        )[0]!,
      bias: () => tf.sum(spatialSum(slope), 0),
    };
  },
};

/**
 * TensorFlow hands a gradient to oneDNN unless its padding is explicit. There that of the input takes 0.7 of the time
 * at 20x20x256 and less than half at 10x10x256, that of a kernel of 3x3 a quarter (36 channels out) to 0.8; with AVX2
 * alone 0.4 to 1.1. With a stride the kernel's comes out wrong (1x1, 4 input channels) or ends the process (AVX2).
 */
function attributesOf(
  { stride, pad }: Pick<NativeConvOptions, 'stride' | 'pad'>,
  { shape: [height, width] }: tf.Tensor4D,
): ReturnType<typeof convAttributes> {
  const centred = height === 2 * pad + 1 && width === height;
  const padding = stride > 1 ? 'EXPLICIT' : pad === 0 ? 'VALID' : centred ? 'SAME' : 'EXPLICIT';
  return convAttributes(stride, padding, pad);
}
