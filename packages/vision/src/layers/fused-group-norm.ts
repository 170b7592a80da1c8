import * as tf from '@tensorflow/tfjs-core';

/** Whether the backend in use has kernels of its own for GroupNorm and its gradient. */
export const hasFusedGroupNorm = (): boolean => tf.getKernel('KdGroupNorm', tf.getBackend()) !== undefined;

/**
 * GroupNorm by the backend's own kernel, a few passes over the map instead of a dozen.
 * @param x [b, h, w, c], not empty
 * @param gamma [c]
 * @param beta [c]
 */
export function fusedGroupNorm(
  x: tf.Tensor4D,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  groups: number,
  epsilon: number,
): tf.Tensor4D {
  const attributes: tf.NamedAttrMap = { groups, epsilon };
  return tf.customGrad((...args) => {
    const [input, scale, shift] = args as unknown as tf.Tensor[];
    const save = args[3] as unknown as tf.GradSaveFunc;
    const [y, mean, inverse] = tf
      .engine()
      .runKernel('KdGroupNorm', { x: input!, gamma: scale!, beta: shift! }, attributes) as unknown as tf.Tensor[];
    save([input!, scale!, mean!, inverse!]);
    return {
      value: y!,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [map, factor, means, inverses] = saved;
        return tf
          .engine()
          .runKernel(
            'KdGroupNormGrad',
            { dy, x: map!, gamma: factor!, mean: means!, inverse: inverses! },
            attributes,
          ) as unknown as tf.Tensor[];
      },
    };
  })(x, gamma, beta) as tf.Tensor4D;
}
