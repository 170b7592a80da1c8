import * as tf from '@tensorflow/tfjs-core';

/**
 * The squared difference of two maps, summed over the channels. Only the student gets a gradient, for which one map is
 * kept instead of several.
 * @param student [b, h, w, c]
 * @param teacher [b, h, w, c]
 * @returns [b, h, w]
 */
export function cellError(student: tf.Tensor4D, teacher: tf.Tensor4D): tf.Tensor3D {
  return tf.customGrad((x, save) => {
    const difference = tf.sub(x as tf.Tensor4D, teacher);
    (save as tf.GradSaveFunc)([difference]);
    return {
      value: tf.sum(tf.square(difference), 3),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(saved[0]!, tf.expandDims(tf.mul(dy, 2), 3)),
    };
  })(student) as tf.Tensor3D;
}
