import type { Engine, OpAttribute } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

export type RunOp = NonNullable<Engine['runOp']>;

/** A kernel of ours that calls operations of native TensorFlow, and its gradient. */
export interface NativeKernel<Attributes> {
  readonly name: string;
  forward(inputs: tf.NamedTensorMap, attributes: Attributes): tf.Tensor;
  readonly inputsToSave: string[];
  readonly outputsToSave?: boolean[];
  gradient(dy: tf.Tensor4D, saved: readonly tf.Tensor4D[], attributes: Attributes): Record<string, () => tf.Tensor>;
}

/**
 * Runs a kernel, which is registered with its gradient on the backend in use, so that the tape asks for those gradients
 * only that somebody needs: `customGrad` computes all of them.
 */
export function runNative<Attributes extends object>(
  { name: kernelName, forward, gradient, inputsToSave, outputsToSave }: NativeKernel<Attributes>,
  inputs: tf.NamedTensorMap,
  attributes: Attributes,
): tf.Tensor4D {
  const backendName = tf.getBackend();
  if (tf.getKernel(kernelName, backendName) === undefined) {
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs: given, attrs }) =>
        forward(given as tf.NamedTensorMap, attrs as unknown as Attributes) as tf.TensorInfo,
    });
    if (tf.getGradient(kernelName) === undefined)
      tf.registerGradient({
        kernelName,
        inputsToSave,
        ...(outputsToSave && { outputsToSave }),
        gradFunc: (dy, saved, attrs) =>
          gradient(dy as tf.Tensor4D, saved as tf.Tensor4D[], attrs as unknown as Attributes),
      });
  }
  return tf.engine().runKernel(kernelName, inputs, attributes as unknown as tf.NamedAttrMap) as tf.Tensor4D;
}

/** Attributes of TensorFlow's convolutions and of their gradients. */
export const convAttributes = (
  stride: number,
  padding: 'SAME' | 'VALID' | 'EXPLICIT',
  pad = 0,
): readonly OpAttribute[] => [
  FLOAT,
  { name: 'strides', type: 'int[]', value: [1, stride, stride, 1] },
  { name: 'padding', type: 'string', value: padding },
  { name: 'explicit_paddings', type: 'int[]', value: padding === 'EXPLICIT' ? [0, 0, pad, pad, pad, pad, 0, 0] : [] },
  { name: 'data_format', type: 'string', value: 'NHWC' },
  { name: 'dilations', type: 'int[]', value: [1, 1, 1, 1] },
];

export const FLOAT: OpAttribute = { name: 'T', type: 'type', value: 'float32' };
