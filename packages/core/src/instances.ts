import * as tf from '@tensorflow/tfjs-core';
import type { Assignment, Instances, Targets } from './contract/detector.js';

/** The matched ground truth of every prior, by gathering: [b, a, …]. */
export function gatherInstances({ matched }: Assignment, targets: Targets): Instances {
  return tf.tidy(() => {
    const mask = tf.cast(tf.greaterEqual(matched, 0), 'float32') as tf.Tensor2D;
    if (targets.boxes.shape[1] === 0) {
      return { mask, boxes: tf.zeros([...matched.shape, 4]) as tf.Tensor3D, labels: tf.zerosLike(matched) };
    }
    const index = tf.maximum(matched, tf.scalar(0, 'int32')) as tf.Tensor2D;
    const labels = tf.gather(targets.labels, index, 1, 1) as tf.Tensor2D;
    const boxes = tf.gather(targets.boxes, index, 1, 1) as tf.Tensor3D;
    return {
      mask,
      boxes: tf.mul(boxes, tf.expandDims(mask, -1)) as tf.Tensor3D,
      labels: tf.cast(tf.mul(tf.cast(labels, 'float32'), mask), 'int32') as tf.Tensor2D,
    };
  });
}
