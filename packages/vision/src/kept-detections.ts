import type { ImageDetections } from '@kd/core';
import { nms } from './nms.js';

/** Scored pairs of prior and class of one image. */
export interface Candidates {
  /** [n] index of the prior over all levels */
  readonly priors: ArrayLike<number>;
  /** [n] */
  readonly labels: ArrayLike<number>;
  /** [n] */
  readonly scores: Float32Array;
}

export interface KeepOptions {
  readonly id: ImageDetections['id'];
  /** [height, width] as the network saw the image, before padding. */
  readonly imageSize: readonly [number, number];
  readonly originalSize: readonly [number, number];
  /** IoU above which the lesser of two boxes of a class goes. */
  readonly nmsThresh: number;
  readonly detectionsPerImg: number;
  /** Whether boxes without area after clipping are dropped, as mmdetection does; default false. */
  readonly dropEmpty?: boolean;
  /** Boxes with a side below this after clipping are dropped, as torchvision's second stage does; default: none. */
  readonly minSide?: number;
}

/**
 * From candidates to detections: boxes clipped to the resized image, NMS per class over all levels, the best ones in
 * pixels of
 * the original image.
 * @param decoded [priors * 4] the box of every prior of this image
 */
export function keptDetections(
  decoded: Float32Array,
  found: Candidates,
  { id, imageSize, originalSize, nmsThresh, detectionsPerImg, dropEmpty = false, minSide }: KeepOptions,
): ImageDetections {
  const [height, width] = imageSize;
  const limits = [width, height, width, height];
  const clipped = (prior: number): number[] =>
    limits.map((limit, i) => Math.min(Math.max(decoded[prior * 4 + i]!, 0), limit));
  const boxes = Array.from(found.priors, clipped);
  const large = ([x1, y1, x2, y2]: readonly number[]): boolean =>
    (!dropEmpty || (x2! > x1! && y2! > y1!)) &&
    (minSide === undefined || (x2! - x1! >= minSide && y2! - y1! >= minSide));
  const used = [...boxes.keys()].filter((i) => large(boxes[i]!));
  const kept = Array.from(
    nms(
      Float32Array.from(used.flatMap((i) => boxes[i]!)),
      Float32Array.from(used, (i) => found.scores[i]!),
      {
        threshold: nmsThresh,
        classes: used.map((i) => found.labels[i]!),
        limit: detectionsPerImg,
      },
    ),
    (i) => used[i]!,
  );
  // Float32 quotients of the sizes, per axis, as torchvision scales back.
  const y = Math.fround(originalSize[0] / height);
  const x = Math.fround(originalSize[1] / width);
  return {
    id,
    boxes: Float32Array.from(kept.flatMap((k) => boxes[k]!.map((value, i) => value * (i % 2 === 0 ? x : y)))),
    scores: Float32Array.from(kept, (i) => found.scores[i]!),
    labels: Int32Array.from(kept, (i) => found.labels[i]!),
  };
}
