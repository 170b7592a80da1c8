import * as tf from '@tensorflow/tfjs-core';
import type { Detector, DetectorOutput, Predictions } from '../contract/detector.js';
import { part } from '../profile/part.js';
import type { Kept } from './kept.js';
import type { InPrecision } from './step-models.js';
import { untaped } from './untaped.js';

/**
 * The teacher's forward pass, without a tape. Its predictions are computed when a plugin first reads them, name by name
 * where the detector can: plugins on features are spared the teacher's head, and those on classes its branch of boxes.
 * @param kept takes the predictions, which are made in the tidy of whoever reads them first
 * @param around whatever of the teacher is run
 */
export function teacherOutput(
  teacher: Detector,
  images: tf.Tensor4D,
  taps: readonly string[],
  kept: Kept,
  around: InPrecision = (run) => run(),
): DetectorOutput {
  const output = around(() => teacher.forward(images, { training: false, taps, lazy: true }));
  let predictions: Predictions | undefined;
  // What else a detector puts into its output is there as well.
  return Object.create(output, {
    predictions: {
      get: () => (predictions ??= part('teacher', () => readLate(() => output.predictions, kept, around))),
    },
  }) as DetectorOutput;
}

/** The same predictions, every map read without a tape, and kept with whatever was computed along with it. */
function readLate(predictions: () => Predictions, kept: Kept, around: InPrecision): Predictions {
  const late: Predictions = {};
  const maps = new Map<string, Predictions[string]>();
  let all: Predictions = {};
  const read = (compute: () => void): void =>
    untaped(() => {
      around(compute);
      for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(all)))
        if (value !== undefined) maps.set(name, value as Predictions[string]);
      for (const map of [...maps.values()].flat()) kept.keep(map);
      return tf.scalar(0);
    }).dispose();
  read(() => (all = predictions()));
  for (const name of Object.keys(all))
    Object.defineProperty(late, name, {
      enumerable: true,
      get() {
        if (!maps.has(name)) part('teacher', () => read(() => maps.set(name, all[name]!)));
        return maps.get(name);
      },
    });
  return late;
}
