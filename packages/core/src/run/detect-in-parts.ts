import * as tf from '@tensorflow/tfjs-core';
import type { Detection, Detector } from '../contract/detector.js';
import { disposeAll, tidy } from '../tidy.js';

/**
 * `detect` of a detector, and its parts.
 * @see Detection
 */
export function detectInParts<T extends object>(parts: {
  compute(...given: Parameters<Detection['compute']>): T;
  select(tensors: T, sizes: Parameters<Detection['select']>[1]): ReturnType<Detection['select']>;
}): Required<Pick<Detector, 'detection' | 'detect'>> {
  return {
    // What one part gives is what the other takes, whatever ran between the two.
    detection: parts as unknown as Detection,
    async detect(output, sizes) {
      const [, height, width] = sizes.shape;
      const tensors = tidy(() => parts.compute(output, { imageSizes: sizes.imageSizes, paddedSize: [height, width] }));
      try {
        return await parts.select(tensors, sizes);
      } finally {
        // A map of the output that is handed on as it is stays the caller's.
        const given = new Set(tf.tensor_util.getTensorsInContainer(output.predictions as tf.TensorContainer));
        disposeAll(
          tf.tensor_util.getTensorsInContainer(tensors as tf.TensorContainer).filter((tensor) => !given.has(tensor)),
        );
      }
    },
  };
}
