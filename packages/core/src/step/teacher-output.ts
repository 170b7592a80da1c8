import * as tf from '@tensorflow/tfjs-core';
import type { Detector, DetectorOutput, Predictions } from '../contract/detector.js';
import type { Kept } from './kept.js';

/**
 * The teacher's forward pass, without a tape. Its predictions are computed when a plugin first reads them, which plugins on features never do:
 * they are spared the teacher's head.
 * @param kept takes the predictions, which are made in the tidy of whoever reads them first
 */
export function teacherOutput(teacher: Detector, images: tf.Tensor4D, taps: readonly string[], kept: Kept): DetectorOutput {
  const output = teacher.forward(images, { training: false, taps, lazy: true });
  let predictions: Predictions | undefined;
  return {
    taps: output.taps,
    levels: output.levels,
    updates: output.updates,
    get predictions() {
      if (predictions === undefined) {
        offTape(() => {
          predictions = output.predictions;
          for (const map of Object.values(predictions).flat()) kept.keep(map);
        });
      }
      return predictions!;
    },
  };
}

/** Inside of a custom gradient nothing is recorded; this one has neither inputs nor a use. */
function offTape(run: () => void): void {
  const none = tf.customGrad(() => {
    run();
    return { value: tf.scalar(0), gradFunc: () => [] };
  });
  none().dispose();
}
