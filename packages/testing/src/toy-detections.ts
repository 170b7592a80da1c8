import type { HostBatch, ImageDetections } from '@kd/core';

export interface DetectionRule {
  readonly scoreThreshold: number;
  readonly nmsThreshold: number;
  readonly maxDetections: number;
}

type Box = readonly [number, number, number, number];
interface Found {
  readonly box: Box;
  readonly score: number;
  readonly label: number;
}

/** Intersection over union of two boxes; 0 where both are empty. */
export function iou(a: Box, b: Box): number {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const both = width * height;
  const union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both;
  return union > 0 ? both / union : 0;
}

/**
 * Boxes above the threshold, without those that overlap a better one of their class, in pixels of the original image.
 * @param scores [b, a, k] flat
 * @param boxes [b, a, 4] flat, in pixels of the resized image
 */
export function toyDetections(
  scores: Float32Array,
  boxes: Float32Array,
  { imageSizes, originalSizes, ids, shape }: Pick<HostBatch, 'imageSizes' | 'originalSizes' | 'ids' | 'shape'>,
  { scoreThreshold, nmsThreshold, maxDetections }: DetectionRule,
): ImageDetections[] {
  const priors = boxes.length / 4 / shape[0];
  const classes = scores.length / shape[0] / priors;
  return ids.map((id, image) => {
    const [[height, width], [originalHeight, originalWidth]] = [imageSizes[image]!, originalSizes[image]!];
    const candidates: Found[] = [];
    for (let i = 0; i < priors * classes; i++) {
      const score = scores[image * priors * classes + i]!;
      if (!(score > scoreThreshold)) continue;
      const at = (image * priors + Math.floor(i / classes)) * 4;
      const x = (value: number): number => (Math.min(Math.max(value, 0), width) * originalWidth) / width;
      const y = (value: number): number => (Math.min(Math.max(value, 0), height) * originalHeight) / height;
      const box: Box = [x(boxes[at]!), y(boxes[at + 1]!), x(boxes[at + 2]!), y(boxes[at + 3]!)];
      if (box[2] > box[0] && box[3] > box[1]) candidates.push({ box, score, label: i % classes });
    }
    candidates.sort((a, b) => b.score - a.score);
    const kept: Found[] = [];
    for (const one of candidates) {
      if (kept.length === maxDetections) break;
      if (kept.every((other) => other.label !== one.label || iou(other.box, one.box) <= nmsThreshold)) kept.push(one);
    }
    return {
      id,
      boxes: Float32Array.from(kept.flatMap(({ box }) => box)),
      scores: Float32Array.from(kept, ({ score }) => score),
      labels: Int32Array.from(kept, ({ label }) => label),
    };
  });
}
