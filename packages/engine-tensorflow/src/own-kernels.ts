import type { OpAttribute } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { runOp } from './run-op.js';

interface OwnKernel {
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, OpAttribute['type']>>;
  readonly outputs: number;
}

/**
 * Ops of our own, for processors where XLA compiles nothing: native/group_norm.cc and native/optimizers.cc say what
 * they compute. Whoever wants one asks whether the backend in use has a kernel of this name, and composes it
 * elsewhere: @kd/vision GroupNorm, @kd/core the updates of optimisers.
 */
const OWN_KERNELS: Readonly<Record<string, OwnKernel>> = {
  KdGroupNorm: { inputs: ['x', 'gamma', 'beta'], attributes: { groups: 'int', epsilon: 'float' }, outputs: 3 },
  KdGroupNormGrad: {
    inputs: ['dy', 'x', 'gamma', 'mean', 'inverse'],
    attributes: { groups: 'int', epsilon: 'float' },
    outputs: 3,
  },
  KdSgd: {
    inputs: ['value', 'gradient', 'buffer', 'rate', 'share'],
    attributes: { momentum: 'float', decay: 'float', nesterov: 'float' },
    outputs: 2,
  },
  KdAdam: {
    inputs: ['value', 'gradient', 'm', 'v', 'left', 'unbiased', 'step'],
    attributes: { beta1: 'float', rest1: 'float', beta2: 'float', rest2: 'float', eps: 'float', decay: 'float' },
    outputs: 3,
  },
};

/** Registers them with TensorFlow.js. */
export function registerOwnKernels(): void {
  for (const [kernelName, { inputs, attributes, outputs }] of Object.entries(OWN_KERNELS))
    tf.registerKernel({
      kernelName,
      backendName: 'tensorflow',
      kernelFunc: ({ inputs: given, attrs }) =>
        runOp(
          kernelName,
          Object.entries(attributes).map(([name, type]) => ({ name, type, value: attrs![name] as number })),
          inputs.map((name) => given[name] as tf.Tensor),
          outputs,
        ),
    });
}
