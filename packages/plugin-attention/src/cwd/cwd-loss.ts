import { checkSameMaps } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/** The maps of a level, behind its adapter: [b, h, w, c] of one shape. */
export interface LevelMaps {
  readonly student: tf.Tensor4D;
  readonly teacher: tf.Tensor4D;
}

/**
 * Channels as distributions over the cells: `T² Σ KL(softmax(t / T) || softmax(s / T)) / (b c)`; levels add up. Only
 * the student gets a gradient.
 * Shu et al., "Channel-wise Knowledge Distillation for Dense Prediction", ICCV 2021.
 */
export function cwdLoss(levels: readonly LevelMaps[], { temperature = 1 } = {}): tf.Scalar {
  if (levels.length === 0) return tf.scalar(0);
  return tf.tidy(() => tf.addN(levels.map((maps) => levelLoss(maps, temperature))));
}

function levelLoss({ student, teacher }: LevelMaps, temperature: number): tf.Scalar {
  checkSameMaps('cwd', 'a level', student, teacher);
  const [b, , , c] = student.shape;
  return tf.customGrad((x, save) => {
    const [own, target] = [x as tf.Tensor4D, teacher].map((map) => logDistributions(map, temperature));
    const probabilities = tf.exp(target!);
    const divergence = tf.sum(tf.mul(probabilities, tf.sub(target!, own!)));
    (save as tf.GradSaveFunc)([tf.sub(tf.exp(own!), probabilities)]);
    return {
      value: tf.mul(divergence, temperature ** 2 / (b * c)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        tf.reshape(tf.mul(saved[0]!, tf.mul(dy, temperature / (b * c))), student.shape),
    };
  })(student) as tf.Scalar;
}

/** Logarithms of the softmax over the cells, a channel each. [b, h·w, c] */
function logDistributions(map: tf.Tensor4D, temperature: number): tf.Tensor3D {
  const [b, h, w, c] = map.shape;
  const softened = tf.div(tf.reshape(map, [b, h * w, c]), temperature);
  const shifted = tf.sub(softened, tf.max(softened, 1, true));
  return tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), 1, true)));
}
