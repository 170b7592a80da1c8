import * as tf from '@tensorflow/tfjs-core';
import type { Detector, DetectorOutput, Predictions } from '../contract/detector.js';
import type { Kept } from './kept.js';
import { untaped } from './untaped.js';

/**
 * The teacher's forward pass, without a tape. Its predictions are computed when a plugin first reads them, which
 * plugins on features never do:
 * they are spared the teacher's head.
 * @param kept takes the predictions, which are made in the tidy of whoever reads them first
 */
export function teacherOutput(
  teacher: Detector,
  images: tf.Tensor4D,
  taps: readonly string[],
  kept: Kept,
): DetectorOutput {
  const output = teacher.forward(images, { training: false, taps, lazy: true });
  let predictions: Predictions | undefined;
  const read = (): Predictions => {
    untaped(() => {
      predictions = output.predictions;
      for (const map of Object.values(predictions).flat()) kept.keep(map);
      return tf.scalar(0);
    }).dispose();
    return predictions!;
  };
  // What else a detector puts into its output is there as well.
  return Object.create(output, { predictions: { get: () => predictions ?? read() } }) as DetectorOutput;
}
