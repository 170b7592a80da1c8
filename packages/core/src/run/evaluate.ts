import type { Dataset, LoaderOptions, LoaderStats } from '../contract/data.js';
import type { Detector } from '../contract/detector.js';
import type { Evaluation, ImageDetections, Metric } from '../contract/metric.js';
import { checkMembers, MEMBERS } from '../members.js';
import { openLoader } from '../open-loader.js';
import { createInference, type Inference } from './inference.js';

export interface EvaluateOptions extends Pick<LoaderOptions, 'batchSize' | 'workers' | 'onBadImage'> {
  /** Of this detector, whose engine compiles it; default: op by op. */
  readonly inference?: Inference;
  /** Called after every batch with the number of images done. */
  readonly onProgress?: (done: number, of: number) => void | Promise<void>;
}

export interface Detected {
  /** Of every image that could be read, in the order of the data set. */
  readonly detections: ImageDetections[];
  /** The others, left out under `onBadImage: 'skip'`. */
  readonly skipped: LoaderStats['skipped'];
}

/** Detections of a detector on the images of a data set. */
export async function detectAll(detector: Detector, dataset: Dataset, options: EvaluateOptions): Promise<Detected> {
  checkMembers(detector, { forward: 'function', detect: 'function' }, 'the detector to evaluate', 'USAGE');
  checkMembers(dataset, { images: 'list', loader: 'function' }, 'the data set to evaluate on', 'USAGE');
  checkMembers(
    options,
    { batchSize: 'number', workers: 'number', onBadImage: 'text' },
    'the options of an evaluation',
    'USAGE',
  );
  const loader = openLoader(dataset, {
    ...options,
    input: detector.input,
    training: false,
    shuffle: false,
    dropLast: false,
    seed: 0,
    augment: [],
  });
  const inference = options.inference ?? createInference(detector);
  inference.restart();
  const found: ImageDetections[] = [];
  try {
    for await (const batch of loader.epoch(0)) {
      found.push(...(await inference.detect(batch)));
      await options.onProgress?.(found.length, dataset.images.length);
    }
  } finally {
    await loader.close();
  }
  return { detections: found, skipped: skippedOf(dataset, found, loader.stats) };
}

/** Whatever has no detections, also where a loader of somebody else's keeps no list. */
function skippedOf(
  { images }: Dataset,
  detections: readonly ImageDetections[],
  { skipped }: LoaderStats,
): LoaderStats['skipped'] {
  const seen = new Set(detections.map(({ id }) => id));
  const why = new Map(skipped.map((one) => [one.file, one.why]));
  return images
    .filter(({ id }) => !seen.has(id))
    .map(({ file }) => ({ file, why: why.get(file) ?? 'its loader left it out', times: 1 }));
}

/** Evaluates a detector on the images of a data set that can be read: what is skipped counts neither way. */
export async function evaluate(
  detector: Detector,
  dataset: Dataset,
  metric: Metric,
  options: EvaluateOptions,
): Promise<{ readonly result: Evaluation; readonly detections: ImageDetections[] }> {
  checkMembers(metric, { evaluate: 'function' }, 'the metric to evaluate with', 'USAGE');
  const { detections, skipped } = await detectAll(detector, dataset, options);
  const seen = new Set(detections.map(({ id }) => id));
  const images = dataset.images.filter(({ id }) => seen.has(id));
  const result = metric.evaluate({ categories: dataset.categories, images }, detections);
  checkMembers(result, MEMBERS.metricResult, `what evaluate of the metric "${metric.name}" returned`);
  return { result: { ...result, images: images.length, skipped }, detections };
}
