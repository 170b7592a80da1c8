import { createInference, type Detector, type ImageDetections, type Inference, type InferenceBatch } from '@kd/core';
import { type HostImage, inputTransform } from '@kd/data';

/** An object that a detector found. */
export interface Found {
  /** x1 y1 x2 y2 in pixels of the upright image */
  readonly box: readonly [number, number, number, number];
  readonly score: number;
  readonly label: number;
  readonly class: string;
}

/** What a detector finds on images, as one batch: objects from a score on, best first. */
export async function detectImages(
  detector: Detector,
  images: readonly HostImage[],
  threshold: number,
  inference = createInference(detector),
): Promise<readonly (readonly Found[])[]> {
  const batch = inputTransform(
    images.map((image, id) => ({ image, id })),
    detector.input,
  );
  return detectBatch(detector, batch, threshold, inference);
}

/** The same of images that are prepared already. */
export async function detectBatch(
  detector: Detector,
  batch: InferenceBatch,
  threshold: number,
  inference: Inference,
): Promise<readonly (readonly Found[])[]> {
  return (await inference.detect(batch)).map((found) => listed(found, detector, threshold));
}

function listed({ boxes, scores, labels }: ImageDetections, { categories }: Detector, threshold: number): Found[] {
  const found: Found[] = [];
  scores.forEach((score, i) => {
    if (!(score >= threshold)) return;
    const [x1, y1, x2, y2] = [boxes[4 * i]!, boxes[4 * i + 1]!, boxes[4 * i + 2]!, boxes[4 * i + 3]!];
    const label = labels[i]!;
    found.push({ box: [x1, y1, x2, y2], score, label, class: categories[label]!.name });
  });
  return found;
}
