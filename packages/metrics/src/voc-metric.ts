import { type Metric, parseOptions } from '@kd/core';
import * as v from 'valibot';
import { contractColumns } from './contract-columns.js';
import { evaluateVocAt, type VocResult } from './voc.js';

export interface VocMetricOptions {
  /** The 11-point AP of VOC 2007; otherwise the area under the curve, as from 2010 on. Default true. */
  readonly use07?: boolean;
  /** A detection is true when its IoU is greater than this. Default 0.5. */
  readonly iou?: number;
}

export const iouOption = v.optional(v.pipe(v.number(), v.minValue(0), v.ltValue(1)), 0.5);
const vocOptions = v.strictObject({ use07: v.optional(v.boolean(), true), iou: iouOption });

/**
 * Pascal VOC average precision as core's metric port. Annotations to ignore are difficult ones. Boxes in the program
 * are continuous, their
 * x2 being one more than the pixel corner of the file, so that sides come out as in the development kit without adding
 * 1.
 * `AP` is that of `use07` at `iou`; `AP50`, `AP75` and `AP50to95` (the mean over IoU 0.5, 0.55, … 0.95) are areas under
 * the curve.
 * @throws KdError CONFIG_INVALID for an IoU outside of [0, 1)
 */
export function vocMetric(given: VocMetricOptions = {}): Metric {
  const options = parseOptions(vocOptions, given, 'metric "voc"');
  const { use07, iou } = options;
  return {
    name: 'voc',
    options,
    primary: 'AP',
    evaluate(truth, found) {
      const { objects, detections, images, classes } = contractColumns(truth, found);
      const { image, label, box, ignore } = objects;
      const results = evaluateVocAt(
        { images, classes, objects: { image, label, box, difficult: ignore }, detections },
        [iou, ...IOUS],
      );
      const metricsOf = (of: (result: VocResult) => ApPair): Record<string, number> => {
        const [own, ...areas] = results.map(of);
        return {
          AP: use07 ? own!.ap11Point : own!.apAllPoint,
          ...overIous(areas.map(({ apAllPoint }) => apAllPoint)),
          AP11point: own!.ap11Point,
          APallPoint: own!.apAllPoint,
        };
      };
      return {
        metrics: metricsOf((result) => result),
        perClass: truth.categories.map((category, index) => ({
          category,
          metrics: metricsOf(({ perClass }) => perClass[index]!),
        })),
      };
    },
  };
}

/** Those of COCO, at which papers report VOC, too. */
const IOUS = Array.from({ length: 10 }, (_, i) => 0.5 + 0.05 * i);

type ApPair = Pick<VocResult, 'ap11Point' | 'apAllPoint'>;

/** -1 stands for "nothing to average", at every IoU alike. */
const overIous = (areas: readonly number[]): Record<string, number> => ({
  AP50: areas[0]!,
  AP75: areas[5]!,
  AP50to95: areas.reduce((sum, area) => sum + area, 0) / areas.length,
});
