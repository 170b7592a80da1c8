import type { Rng } from '@kd/core';
import type { HostImage } from '../decode/image.js';
import type { Box } from '../read/box-rule.js';
import { withBoxes, type Sample } from './sample.js';

export interface IouCropOptions {
  /** Sides of the crop as shares of the image's. */
  readonly minScale: number;
  readonly maxScale: number;
  /** Width by height of the two shares. */
  readonly minAspect: number;
  readonly maxAspect: number;
  /** Wanted overlap of the best box with the crop, one of which is drawn; 1 or more leaves the image whole. */
  readonly minIous: readonly number[];
  /** Crops tried for each drawn overlap. */
  readonly trials: number;
}

/** How often an overlap is drawn anew when no crop reached it; then the image stays whole. */
const DRAWS = 50;

/**
 * The crop of SSD (Liu et al. 2016, section 2.2) with the rules of torchvision's RandomIoUCrop: a drawn crop is taken
 * when
 * the centre of some box lies in it and the best such box overlaps it enough. Boxes with their centre outside vanish,
 * the others
 * are clipped. An image without boxes stays whole.
 */
export function iouCrop(sample: Sample, options: IouCropOptions, rng: Rng): Sample {
  if (sample.boxes.length === 0) return sample;
  for (let draw = 0; draw < DRAWS; draw++) {
    const minIou = options.minIous[rng.int(0, options.minIous.length - 1)]!;
    if (minIou >= 1) return sample;
    for (let trial = 0; trial < options.trials; trial++) {
      const crop = drawCrop(sample.image, options, rng);
      if (crop === null) continue;
      const inside = sample.boxes.filter((box) => centreInside(box, crop));
      if (inside.length > 0 && Math.max(...inside.map((box) => iou(box, crop))) >= minIou) return cropTo(sample, crop);
    }
  }
  return sample;
}

/** Cuts an image to whole pixels; boxes with their centre outside vanish, the others are clipped. */
export function cropTo({ image, boxes, labels }: Sample, crop: Box): Sample {
  const [left, top, right, bottom] = crop;
  const kept = boxes.map((box) => centreInside(box, crop));
  const clip = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high) - low;
  const clipped = boxes
    .filter((_, i) => kept[i])
    .map(
      ([x1, y1, x2, y2]): Box => [
        clip(x1, left, right),
        clip(y1, top, bottom),
        clip(x2, left, right),
        clip(y2, top, bottom),
      ],
    );
  return withBoxes(
    cut(image, left, top, right - left, bottom - top),
    clipped,
    labels.filter((_, i) => kept[i]),
  );
}

function drawCrop(
  { width, height }: HostImage,
  { minScale, maxScale, minAspect, maxAspect }: IouCropOptions,
  rng: Rng,
): Box | null {
  const between = (): number => minScale + (maxScale - minScale) * rng.uniform();
  const w = Math.trunc(width * between());
  const h = Math.trunc(height * between());
  const aspect = w / width / (h / height);
  const [left, top] = [Math.trunc((width - w) * rng.uniform()), Math.trunc((height - h) * rng.uniform())];
  return w > 0 && h > 0 && aspect >= minAspect && aspect <= maxAspect ? [left, top, left + w, top + h] : null;
}

function centreInside([x1, y1, x2, y2]: Box, [left, top, right, bottom]: Box): boolean {
  const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
  return x > left && x < right && y > top && y < bottom;
}

function iou(a: Box, b: Box): number {
  const overlap =
    Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const area = ([x1, y1, x2, y2]: Box): number => (x2 - x1) * (y2 - y1);
  return overlap / (area(a) + area(b) - overlap);
}

function cut({ data, width }: HostImage, left: number, top: number, w: number, h: number): HostImage {
  const out = new Uint8Array(w * h * 3);
  for (let y = 0; y < h; y++) {
    const from = ((top + y) * width + left) * 3;
    out.set(data.subarray(from, from + w * 3), y * w * 3);
  }
  return { data: out, width: w, height: h };
}
