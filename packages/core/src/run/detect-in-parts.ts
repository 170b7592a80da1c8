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
        disposeAll(tensors);
      }
    },
  };
}
