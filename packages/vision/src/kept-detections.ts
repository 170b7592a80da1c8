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
}

/**
 * From candidates to detections: boxes clipped to the resized image, NMS per class over all levels, the best ones in pixels of
 * the original image.
 * @param decoded [priors * 4] the box of every prior of this image
 */
export function keptDetections(decoded: Float32Array, found: Candidates, { id, imageSize, originalSize, nmsThresh, detectionsPerImg }: KeepOptions): ImageDetections {
  const [height, width] = imageSize;
  const limits = [width, height, width, height];
  const n = found.scores.length;
  const corners = Float32Array.from({ length: n * 4 }, (_, i) => Math.min(Math.max(decoded[found.priors[i >> 2]! * 4 + (i & 3)]!, 0), limits[i & 3]!));
  const kept = nms(corners, found.scores, { threshold: nmsThresh, classes: found.labels, limit: detectionsPerImg });
  // Float32 quotients of the sizes, per axis, as torchvision scales back.
  const y = Math.fround(originalSize[0] / height);
  const x = Math.fround(originalSize[1] / width);
  return {
    id,
    boxes: Float32Array.from({ length: kept.length * 4 }, (_, i) => corners[kept[i >> 2]! * 4 + (i & 3)]! * (i % 2 === 0 ? x : y)),
    scores: Float32Array.from(kept, (i) => found.scores[i]!),
    labels: Int32Array.from(kept, (i) => found.labels[i]!),
  };
}
