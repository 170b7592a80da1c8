import * as tf from '@tensorflow/tfjs-core';
import type { Detector, DetectorOutput, Instances, RegionStep, Targets } from '../contract/detector.js';
import type { InstanceOutput } from '../contract/plugin.js';
import { KdError } from '../errors.js';
import { gatherRows } from './gather-rows.js';

/**
 * A model's output at the instances. A dense model's logits are those of the same priors, so both models must share
 * these; a second stage
 * runs on the instances' boxes.
 * @param own the student's own second stage, whose rows are gathered instead of computed again
 */
export function instanceOutput(
  { name, dense, secondStage: stage }: Detector,
  output: DetectorOutput,
  instances: Instances,
  targets: Targets,
  own?: RegionStep,
): InstanceOutput {
  if (stage !== undefined) {
    const { background } = stage;
    if (own === undefined) {
      const { features, levels, logits } = stage.run(output, instances.boxes, targets.imageSizes, instances.mask);
      return { features, levels, logits, background };
    }
    const { features, levels, logits } = own.output;
    const { rows } = instances;
    return {
      features: gatherRows(features, rows),
      levels: gatherRows(levels, rows),
      logits: gatherRows(logits, rows),
      background,
    };
  }
  const { cls } = output.predictions;
  if (dense === undefined || cls === undefined) {
    throw new KdError(
      'PLUGIN_HOOK',
      `detector ${name} has neither dense class predictions nor a second stage, so it says nothing of single instances.`,
    );
  }
  const logits = tf.tidy(() => {
    // [b, h·w·a, k]
    const perLevel = cls.map((map) => tf.reshape(map, [map.shape[0], -1, map.shape[3] / dense.priorsPerCell]));
    return gatherRows<tf.Tensor3D>(tf.concat(perLevel, 1), instances.rows);
  });
  return { logits };
}
