import type { Found, Output } from './dense-detections.js';
import { DetectError } from './detect-error.js';
import type { Size } from './resize.js';

/** The detections of the first image, of a model that makes them itself, clipped to the image before padding. */
export function graphDetections(outputs: Readonly<Record<string, Output>>, [height, width]: Size): Found[] {
  const { boxes, scores, labels, image } = outputs;
  if (!boxes || !scores || !labels)
    throw new DetectError('MODEL_INVALID', 'The model gave no boxes, scores and labels: export it again.');
  const limits = [width, height, width, height];
  return Array.from(scores.data, (score, i): Found => {
    const box = limits.map((limit, side) => Math.min(Math.max(Number(boxes.data[4 * i + side]), 0), limit));
    return { box, score: Number(score), label: Number(labels.data[i]) };
  }).filter((_, i) => image === undefined || Number(image.data[i]) === 0);
}
