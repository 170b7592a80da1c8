import type { OpAttribute } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { runOp } from '../run-op.js';
import { correctKernel } from './correct-kernel.js';

interface PoolAttributes {
  readonly filterSize: number | [number, number];
  readonly strides: number | [number, number];
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/**
 * The package's max pools refuse numeric and explicit padding; TensorFlow pads with the smallest number, as torch does.
 */
export function correctMaxPools(): void {
  correctKernel<PoolAttributes>(
    'MaxPool',
    ({ x }, attributes) => runOp('MaxPool', poolAttributes(x!, attributes), [x!], 1)[0]!,
  );
  correctKernel<PoolAttributes>(
    'MaxPoolGrad',
    ({ dy, input, output }, attributes) =>
      runOp('MaxPoolGrad', poolAttributes(input!, attributes), [input!, output!, dy!], 1)[0]!,
  );
}

function poolAttributes(x: tf.Tensor, { filterSize, strides, pad, dimRoundingMode }: PoolAttributes): OpAttribute[] {
  const info = tf.backend_util.computePool2DInfo(
    x.shape as [number, number, number, number],
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  const { type, top, bottom, left, right } = info.padInfo;
  const explicit = type !== 'SAME' && type !== 'VALID';
  return [
    { name: 'T', type: 'type', value: x.dtype },
    { name: 'ksize', type: 'int[]', value: [1, info.filterHeight, info.filterWidth, 1] },
    { name: 'strides', type: 'int[]', value: [1, info.strideHeight, info.strideWidth, 1] },
    { name: 'padding', type: 'string', value: explicit ? 'EXPLICIT' : type },
    { name: 'explicit_paddings', type: 'int[]', value: explicit ? [0, 0, top, bottom, left, right, 0, 0] : [] },
    { name: 'data_format', type: 'string', value: 'NHWC' },
  ];
}
