import { type Metric, parseOptions } from '@kd/core';
import * as v from 'valibot';
import { AREA_RANGES, evaluateCoco, type CocoOptions, IOU_THRESHOLDS, mean } from './coco.js';
import { cocoResampler } from './coco-resample.js';
import { cocoTableOf } from './contract-table.js';
import { contractColumns } from './contract-columns.js';

export const cocoOptions = v.strictObject({
  maxDetections: v.optional(
    v.pipe(
      v.array(v.pipe(v.number(), v.integer(), v.minValue(1))),
      v.minLength(1),
      v.check(
        (limits) => limits.every((limit, i) => limit > (limits[i - 1] ?? 0)),
        'must be ascending, as in [1, 10, 100]',
      ),
    ),
    [1, 10, 100],
  ),
});

/**
 * COCO average precision as core's metric port: the twelve numbers, overall and of each class. Annotations to ignore
 * are crowds.
 * @throws KdError CONFIG_INVALID for limits that are not ascending counts
 */
export function cocoMetric(given: CocoOptions = {}): Metric {
  const options = parseOptions(cocoOptions, given, 'metric "coco"');
  return {
    name: 'coco',
    options,
    primary: 'AP',
    evaluate(truth, found) {
      const { metrics, perClass } = evaluateCoco(cocoTableOf(contractColumns(truth, found)), options);
      return {
        metrics,
        perClass: truth.categories.map((category, label) => ({ category, metrics: perClass[label]! })),
      };
    },
    resampler(truth, found) {
      const columns = contractColumns(truth, found);
      const classes = cocoResampler(cocoTableOf(columns), {
        thresholds: IOU_THRESHOLDS,
        areas: AREA_RANGES.slice(0, 1),
        maxDetections: options.maxDetections.at(-1)!,
      });
      return (times) => {
        const perClass = classes(columns.places.map((place) => times[place]!));
        return { primary: mean([...perClass].filter((value) => value > -1)), perClass };
      };
    },
  };
}
