import { KdError, type Metric, type TrainerPorts } from '@kd/core';
import { dataSource } from '@kd/data';
import { cocoMetric, vocMetric } from '@kd/metrics';
import { safetensorsFormat } from '@kd/weights';

const METRICS: Readonly<Record<string, () => Metric>> = {
  coco: () => cocoMetric(),
  voc07: () => ({ ...vocMetric({ use07: true }), name: 'voc07' }),
  voc: () => vocMetric({ use07: false }),
};

/** @throws KdError USAGE listing what there is */
export function metricByName(name: string): Metric {
  const make = METRICS[name];
  if (make === undefined)
    throw new KdError('USAGE', `there is no metric "${name}"; there are ${Object.keys(METRICS).join(', ')}.`);
  return make();
}

/** What core leaves to its caller, filled with the packages of this house. */
export const ports: TrainerPorts = { format: safetensorsFormat, openData: dataSource, metric: metricByName };
