import type { Dataset, EngineInfo, Evaluation, Metric } from '@kd/core';
import { evaluatedImages, evaluationLines, metricWords } from '@kd/report';
import type { Flags } from './flags.js';
import { print, printJson } from './out.js';

export interface ToldEvaluation {
  /** What was evaluated: one key and its file. */
  readonly of: Readonly<Record<string, string>>;
  readonly dataset: Dataset;
  readonly metric: Metric;
  readonly result: Evaluation;
  readonly seconds: number;
  readonly engine?: EngineInfo;
}

/** An evaluation in words, or under `--json` as one object. */
export function tellEvaluation(
  { json }: Flags,
  { of, dataset, metric, result, seconds, engine }: ToldEvaluation,
): void {
  if (json === true)
    printJson({
      ok: true,
      ...of,
      data: dataset.name,
      metric: metric.name,
      metricOptions: metric.options,
      ...asJson(result),
      seconds,
      engine,
    });
  else
    print(
      `${Object.values(of).join(', ')} on ${dataset.name}, ${evaluatedImages(result)}, in ${seconds.toFixed(1)} s; ${metricWords(metric)}, in percent`,
      '',
      ...evaluationLines(result),
    );
}

const asJson = ({ images, skipped, metrics, perClass }: Evaluation): Record<string, unknown> => ({
  images,
  skipped: skipped.map(({ file, why }) => ({ file, why })),
  metrics,
  perClass: Object.fromEntries(perClass.map(({ category, metrics: own }) => [category.name, own])),
});
