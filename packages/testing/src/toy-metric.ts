import type { ImageDetections, ImageRecord, Metric } from '@kd/core';
import { iou } from './toy-detections.js';

/**
 * Share of the objects that some detection of their class overlaps by half: the recall at an IoU of 0.5, -1 without
 * objects.
 */
export function toyMetric(): Metric {
  return {
    name: 'toy',
    primary: 'recall50',
    evaluate: ({ categories, images }, detections) => {
      const byId = new Map(detections.map((found) => [found.id, found]));
      const recall = (keep: (label: number) => boolean): number => {
        const hits = images.flatMap((image) =>
          image.annotations.filter(({ label }) => keep(label)).map((object) => isFound(object, byId.get(image.id))),
        );
        return hits.length === 0 ? -1 : hits.filter(Boolean).length / hits.length;
      };
      return {
        metrics: { recall50: recall(() => true) },
        perClass: categories.map((category, index) => ({
          category,
          metrics: { recall50: recall((label) => label === index) },
        })),
      };
    },
  };
}

function isFound({ box, label }: ImageRecord['annotations'][number], found: ImageDetections | undefined): boolean {
  const labels = [...(found?.labels ?? [])];
  return labels.some((other, i) => {
    const [x1, y1, x2, y2] = found!.boxes.subarray(i * 4, i * 4 + 4) as unknown as [number, number, number, number];
    return other === label && iou(box, [x1, y1, x2, y2]) >= 0.5;
  });
}
