import type { DetectorOutput, RegionOutput } from '@kd/core';
import { type MultiScaleOptions, multiScaleRoiAlign, type RunContext, tidyWithUpdates } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { BoxHead } from './box-head.js';
import type { FirstStage } from './first-stage.js';

/** Pools boxes [b, n, 4] from the pyramid and runs a box head on them, as `SecondStage.run` says. */
export function runRegions(
  stage: FirstStage,
  head: BoxHead,
  output: DetectorOutput,
  boxes: tf.Tensor3D,
  pooling: MultiScaleOptions,
  mask?: tf.Tensor2D,
): RegionOutput {
  const context: RunContext = stage.contextOf(output, head);
  return tidyWithUpdates(context, () => {
    const [b, n] = boxes.shape;
    const rows = mask && { rows: tf.reshape(mask, [b * n]) as tf.Tensor1D };
    const { features, levels } = multiScaleRoiAlign(stage.pooledLevels(output), boxes, pooling);
    const [, , height, width, channels] = features.shape;
    const flat = tf.reshape(features, [b * n, height, width, channels]) as tf.Tensor4D;
    const { logits, deltas } = head.run(flat, { ...context, ...rows });
    return {
      features,
      levels,
      logits: tf.reshape(logits, [b, n, -1]),
      deltas: tf.reshape(deltas, [b, n, -1]),
    } as RegionOutput & tf.TensorContainerObject;
  });
}
