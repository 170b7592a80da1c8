import * as tf from '@tensorflow/tfjs-core';
import type { Dataset, LoaderOptions } from '../contract/data.js';
import type { Detector } from '../contract/detector.js';
import type { ImageDetections, Metric, MetricResult } from '../contract/metric.js';
import { disposeAll, tidy } from '../tidy.js';

export interface EvaluateOptions extends Pick<LoaderOptions, 'batchSize' | 'workers' | 'onBadImage'> {
  /** Called after every batch with the number of images done. */
  readonly onProgress?: (done: number, of: number) => void | Promise<void>;
}

/** Detections of a detector on every image of a data set, in its order. */
export async function detectAll(
  detector: Detector,
  dataset: Dataset,
  options: EvaluateOptions,
): Promise<ImageDetections[]> {
  const loader = dataset.loader({
    ...options,
    input: detector.input,
    training: false,
    shuffle: false,
    dropLast: false,
    seed: 0,
    augment: [],
  });
  const found: ImageDetections[] = [];
  try {
    for await (const batch of loader.epoch(0)) {
      const images = tf.tensor4d(batch.images, [...batch.shape]);
      const output = tidy(() => detector.forward(images, { training: false }));
      try {
        found.push(...(await detector.detect(output, batch)));
      } finally {
        disposeAll([images, output]);
      }
      await options.onProgress?.(found.length, dataset.images.length);
    }
  } finally {
    await loader.close();
  }
  return found;
}

/** Evaluates a detector on a data set. */
export async function evaluate(
  detector: Detector,
  dataset: Dataset,
  metric: Metric,
  options: EvaluateOptions,
): Promise<{ readonly result: MetricResult; readonly detections: ImageDetections[] }> {
  const detections = await detectAll(detector, dataset, options);
  return { result: metric.evaluate(dataset, detections), detections };
}
