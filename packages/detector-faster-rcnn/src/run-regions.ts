import type { DetectorOutput, RegionOutput } from '@kd/core';
import { type MultiScaleOptions, multiScaleRoiAlign } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { BoxHead } from './box-head.js';
import type { FirstStage } from './first-stage.js';

/** Pools boxes [b, n, 4] from the pyramid and runs a box head on them. */
export function runRegions(
  stage: FirstStage,
  head: BoxHead,
  output: DetectorOutput,
  boxes: tf.Tensor3D,
  pooling: MultiScaleOptions,
): RegionOutput {
  return tf.tidy(() => {
    const [b, n] = boxes.shape;
    const { features, levels } = multiScaleRoiAlign(stage.pooledLevels(output), boxes, pooling);
    const [, , height, width, channels] = features.shape;
    const flat = tf.reshape(features, [b * n, height, width, channels]) as tf.Tensor4D;
    const { logits, deltas } = head.run(flat, stage.contextOf(output, head));
    return {
      features,
      levels,
      logits: tf.reshape(logits, [b, n, -1]),
      deltas: tf.reshape(deltas, [b, n, -1]),
    } as RegionOutput & tf.TensorContainerObject;
  });
}
