import { KdError, type Metric, parseOptions, shown, suggestion } from '@kd/core';
import * as v from 'valibot';
import { cocoMetric, cocoOptions } from './coco-metric.js';
import { iouOption, vocMetric } from './voc-metric.js';

type Make = (options: unknown) => Metric;

const METRICS: Readonly<Record<string, Make>> = {
  coco: (options) => cocoMetric(parseOptions(cocoOptions, options, 'metric "coco"')),
  /** The 11-point AP of VOC 2007. */
  voc07: (given) => {
    const { iou } = parseOptions(v.strictObject({ iou: iouOption }), given, 'metric "voc07"');
    return { ...vocMetric({ use07: true, iou }), name: 'voc07', options: { iou } };
  },
  /** The area under the curve, as from 2010 on. */
  voc: (given) => {
    const schema = v.strictObject({ use07: v.optional(v.boolean(), false), iou: iouOption });
    return vocMetric(parseOptions(schema, given, 'metric "voc"'));
  },
};

const names = Object.keys(METRICS);

/**
 * A metric as configs and the command line name it: `coco`, `voc07`, `voc`, each with options. Fills the port `metric`
 * of the trainer.
 * @throws KdError USAGE listing what there is; CONFIG_INVALID for options
 */
export function metricByName(name: string, options: Readonly<Record<string, unknown>> = {}): Metric {
  const make = typeof name === 'string' && Object.hasOwn(METRICS, name) ? METRICS[name] : undefined;
  if (make === undefined)
    throw new KdError(
      'USAGE',
      `there is no metric ${shown(name)}; ${[typeof name === 'string' ? suggestion(name, names) : '', `there are ${names.join(', ')}.`].filter(Boolean).join(' ')}`,
    );
  return make(options);
}
