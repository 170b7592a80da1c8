import type { HostImage } from '../decode/image.js';
import type { Box } from '../read/box-rule.js';

/** An image with its objects, on the way from the file to the batch. */
export interface Sample {
  readonly image: HostImage;
  /** In pixels of `image`. */
  readonly boxes: readonly Box[];
  /** One per box. */
  readonly labels: readonly number[];
  /** Whether the augmentation `flip` mirrored it, where there is one. */
  readonly flipped?: boolean;
}

/** Keeps the boxes that have an area after a change, with their labels. */
export function withBoxes(image: HostImage, boxes: readonly Box[], labels: readonly number[]): Sample {
  const kept = boxes.map(([x1, y1, x2, y2]) => x2 > x1 && y2 > y1);
  return { image, boxes: boxes.filter((_, i) => kept[i]), labels: labels.filter((_, i) => kept[i]) };
}
