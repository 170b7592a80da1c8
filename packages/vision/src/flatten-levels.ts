import * as tf from '@tensorflow/tfjs-core';

/**
 * Maps of a dense head side by side, rows in the order of the priors: the channels of a cell are `prior · k + item`
 * already.
 * @param levels [b, h, w, a·k] each
 * @returns [b, priors, k]
 */
export function flattenLevels(levels: readonly tf.Tensor4D[], k: number): tf.Tensor3D {
  return tf.tidy(() =>
    tf.concat(
      levels.map((level) => tf.reshape(level, [level.shape[0], -1, k]) as tf.Tensor3D),
      1,
    ),
  );
}
