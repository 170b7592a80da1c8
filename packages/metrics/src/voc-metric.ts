import { KdError, type Metric } from '@kd/core';
import { contractColumns } from './contract-columns.js';
import { evaluateVoc } from './voc.js';

export interface VocMetricOptions {
  /** The 11-point AP of VOC 2007; otherwise the area under the curve, as from 2010 on. Default true. */
  readonly use07?: boolean;
  /** A detection is true when its IoU is greater than this. Default 0.5. */
  readonly iou?: number;
}

/**
 * Pascal VOC average precision as core's metric port. Annotations to ignore are difficult ones. Boxes in the program are continuous, their
 * x2 being one more than the pixel corner of the file, so that sides come out as in the development kit without adding 1.
 * @throws KdError USAGE for an IoU outside of [0, 1)
 */
export function vocMetric({ use07 = true, iou = 0.5 }: VocMetricOptions = {}): Metric {
  if (!(iou >= 0 && iou < 1)) throw new KdError('USAGE', `vocMetric: iou is ${iou}; it must be at least 0 and less than 1.`);
  return {
    name: 'voc',
    primary: 'AP',
    evaluate(truth, found) {
      const { objects, detections, images, classes } = contractColumns(truth, found);
      const { image, label, box, ignore } = objects;
      const result = evaluateVoc({ images, classes, objects: { image, label, box, difficult: ignore }, detections }, { iou });
      const metrics = ({ ap11Point, apAllPoint }: { ap11Point: number; apAllPoint: number }): Record<string, number> => ({
        AP: use07 ? ap11Point : apAllPoint,
        AP11point: ap11Point,
        APallPoint: apAllPoint,
      });
      return { metrics: metrics(result), perClass: truth.categories.map((category, index) => ({ category, metrics: metrics(result.perClass[index]!) })) };
    },
  };
}
