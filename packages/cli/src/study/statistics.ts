import { createRng, type GroundTruth, type ImageDetections, type Metric, type ResampledFigure } from '@kd/core';

export const RESAMPLINGS = 1000;

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of a sample; null for one value, of which nothing is known. */
export const deviation = (values: readonly number[]): number | null =>
  values.length < 2
    ? null
    : Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1));

/** From the 2.5th to the 97.5th percentile. */
export function interval(values: ArrayLike<number>): readonly [number, number] {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  return [at(0.025), at(0.975)];
}

/**
 * How often each image is drawn, for every resampling: as many draws as there are images, with replacement. The same
 * for every run, so that two of them are compared on the same images.
 */
export const draws = (images: number, count = RESAMPLINGS): Int32Array[] =>
  Array.from({ length: count }, (_, k) => {
    const rng = createRng(0, 'resampling', k);
    const times = new Int32Array(images);
    for (let i = 0; i < images; i++) times[rng.int(0, images - 1)]!++;
    return times;
  });

/** Figures of a run over the resamplings. */
export interface Resampled {
  /** [resamplings] */
  readonly primary: Float64Array;
  /** [classes][resamplings] */
  readonly perClass: readonly Float64Array[];
}

/** Average precision is a figure of a set of images, so that it is computed anew for each draw of them. */
export function resampled(
  metric: Metric,
  truth: GroundTruth,
  detections: readonly ImageDetections[],
  drawn: readonly Int32Array[],
): Resampled {
  const figure = (metric.resampler ?? byCopies(metric)).call(metric, truth, detections);
  const primary = new Float64Array(drawn.length);
  const perClass = truth.categories.map(() => new Float64Array(drawn.length));
  drawn.forEach((times, k) => {
    const one = figure(times);
    primary[k] = one.primary;
    perClass.forEach((values, label) => (values[k] = one.perClass[label]!));
  });
  return { primary, perClass };
}

/** For a metric that cannot weigh images: it is given as many copies of each. */
const byCopies =
  (metric: Metric): NonNullable<Metric['resampler']> =>
  ({ categories, images }, detections) => {
    const found = new Map(detections.map((one) => [one.id, one]));
    return (times): ResampledFigure => {
      const copies = images.flatMap((image, i) => Array.from({ length: times[i]! }, () => image));
      const result = metric.evaluate(
        { categories, images: copies.map((image, id) => ({ ...image, id })) },
        copies.map((image, id) => ({ ...found.get(image.id)!, id })),
      );
      const value = (of: Readonly<Record<string, number>>): number => of[metric.primary] ?? -1;
      return { primary: value(result.metrics), perClass: result.perClass.map((one) => value(one.metrics)) };
    };
  };

/** Means over runs, resampling by resampling, less those of others. */
export function differences(own: readonly Float64Array[], others: readonly Float64Array[]): Float64Array {
  const at = (runs: readonly Float64Array[], k: number): number => mean(runs.map((values) => values[k]!));
  return Float64Array.from({ length: own[0]!.length }, (_, k) => at(own, k) - at(others, k));
}

/** What a gain may be owed to besides the method. */
export type Chance = 'none' | 'images' | 'seeds' | 'one seed';

/**
 * A gain is told from chance when its interval over images leaves zero out, and when it is more than twice its standard
 * error over seeds; of one seed the second is not known.
 */
export function chanceOf(
  [low, high]: readonly [number, number],
  own: readonly number[],
  others: readonly number[],
): Chance {
  if (low <= 0 && high >= 0) return 'images';
  const [a, b] = [deviation(own), deviation(others)];
  if (a === null || b === null) return 'one seed';
  const error = Math.sqrt(a ** 2 / own.length + b ** 2 / others.length);
  return Math.abs(mean(own) - mean(others)) > 2 * error ? 'none' : 'seeds';
}
