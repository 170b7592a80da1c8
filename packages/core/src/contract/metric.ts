import type { Category, ImageRecord, LoaderStats } from './data.js';

/** What a detector found on one image; boxes in pixels of the original image. */
export interface ImageDetections {
  readonly id: number | string;
  /** [n, 4] x1 y1 x2 y2 */
  readonly boxes: Float32Array;
  /** [n], descending */
  readonly scores: Float32Array;
  /** [n] index into the categories */
  readonly labels: Int32Array;
}

export interface GroundTruth {
  readonly categories: readonly Category[];
  readonly images: readonly ImageRecord[];
}

export interface MetricResult {
  /** e.g. `AP`, `AP50`, `AR100`; -1 where there is nothing to average. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly perClass: readonly { readonly category: Category; readonly metrics: Readonly<Record<string, number>> }[];
}

/** A result, and the images that it stands on. */
export interface Evaluation extends MetricResult {
  /** Images that count. */
  readonly images: number;
  /** Images that could not be read (`onBadImage: 'skip'`): neither they nor their objects count. */
  readonly skipped: LoaderStats['skipped'];
}

export interface Metric {
  readonly name: string;
  /**
   * What makes it again under its name, every default filled in. Without them the record of a run says that its metric
   * was the config's own.
   */
  readonly options?: Readonly<Record<string, unknown>>;
  /** The figure by which the best checkpoint is chosen; larger is better. */
  readonly primary: string;
  evaluate(truth: GroundTruth, detections: readonly ImageDetections[]): MetricResult;
  /**
   * For intervals: the primary figure, and that of each class, when image i of the ground truth counts `times[i]`
   * times. Without it `evaluate` is asked for every draw, which takes longer.
   */
  resampler?(truth: GroundTruth, detections: readonly ImageDetections[]): (times: ArrayLike<number>) => ResampledFigure;
}

/** -1 where there is nothing to average. */
export interface ResampledFigure {
  readonly primary: number;
  readonly perClass: ArrayLike<number>;
}
