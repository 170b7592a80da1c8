import type { Found, Output } from './dense-detections.js';
import { DetectError } from './detect-error.js';
import type { Size } from './resize.js';

/**
 * The detections of the first image, of a model that makes them itself, clipped to the image before padding; what lies
 * in the padding alone is left out.
 */
export function graphDetections(outputs: Readonly<Record<string, Output>>, [height, width]: Size): Found[] {
  const { boxes, scores, labels, image } = outputs;
  if (!boxes || !scores || !labels)
    throw new DetectError('MODEL_INVALID', 'The model gave no boxes, scores and labels: export it again.');
  const limits = [width, height, width, height];
  const side = (i: number, at: number): number => Number(boxes.data[4 * i + at]);
  return Array.from(scores.data, (score, i): Found => {
    const box = limits.map((limit, at) => Math.min(Math.max(side(i, at), 0), limit));
    return { box, score: Number(score), label: Number(labels.data[i]) };
  }).filter(
    (_, i) => (image === undefined || Number(image.data[i]) === 0) && side(i, 0) < width && side(i, 1) < height,
  );
}
