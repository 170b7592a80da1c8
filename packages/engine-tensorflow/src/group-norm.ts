import type { OpAttribute } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { runOp } from './run-op.js';

interface GroupNormAttributes {
  readonly groups: number;
  readonly epsilon: number;
}

/**
 * Registers our own kernels of GroupNorm (native/group_norm.cc) under the names that @kd/vision looks for:
 * `KdGroupNorm` of x [b, h, w, c], gamma and beta [c] gives y, mean and inverse deviation [b, c]; `KdGroupNormGrad` of
 * dy, x, gamma, mean and inverse gives the gradients of x, gamma and beta. They run on processors alone.
 */
export function registerGroupNorm(): void {
  const names = { KdGroupNorm: ['x', 'gamma', 'beta'], KdGroupNormGrad: ['dy', 'x', 'gamma', 'mean', 'inverse'] };
  for (const [kernelName, inputs] of Object.entries(names))
    tf.registerKernel({
      kernelName,
      backendName: 'tensorflow',
      kernelFunc: ({ inputs: given, attrs }) => {
        const { groups, epsilon } = attrs as unknown as GroupNormAttributes;
        const attributes: OpAttribute[] = [
          { name: 'groups', type: 'int', value: groups },
          { name: 'epsilon', type: 'float', value: epsilon },
        ];
        return runOp(
          kernelName,
          attributes,
          inputs.map((name) => given[name] as tf.Tensor),
          3,
        );
      },
    });
}
