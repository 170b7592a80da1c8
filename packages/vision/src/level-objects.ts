import { type Detector, neckStrides, type StepView } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { objectLevel } from './object-level.js';
import { objectWeights } from './object-weights.js';

/** The place of each compared level in the student's neck; among themselves where the neck lacks one of the strides. */
export function levelPlaces(
  { taps }: Pick<Detector, 'taps'>,
  strides: readonly number[],
): { readonly places: readonly number[]; readonly levels: number } {
  const neck = neckStrides({ taps });
  const known = strides.every((stride) => neck.includes(stride)) ? neck : strides;
  return { places: strides.map((stride) => known.indexOf(stride)), levels: known.length };
}

/** The objects of a batch by level, and what they count. */
export interface LevelObjects {
  /** [b, g, 4] */
  readonly boxes: tf.Tensor3D;
  /** [b, g] 1 for the objects of this level */
  on(place: number): tf.Tensor2D;
  /** [b, g] how far they can be trusted at this level; undefined when no plugin says so */
  values(place: number): tf.Tensor2D | undefined;
}

/**
 * @param options.levels of the neck
 * @param options.finest side in pixels at the lower end of the finest level; null sends every object to every level
 */
export function levelObjects(
  step: Pick<StepView, 'targets' | 'weights' | 'instances'>,
  { levels, finest }: { readonly levels: number; readonly finest: number | null },
): LevelObjects {
  const { boxes, mask } = step.targets;
  const own = finest === null ? null : objectLevel<tf.Tensor2D>(boxes, { levels, finest });
  const trust = step.weights.get();
  return {
    boxes,
    on: (place) => (own === null ? mask : tf.mul(mask, tf.cast(tf.equal(own, tf.scalar(place, 'int32')), 'float32'))),
    values: (place) =>
      trust?.levels[place] && objectWeights(trust.levels[place], step.instances.matched, mask.shape[1]),
  };
}
