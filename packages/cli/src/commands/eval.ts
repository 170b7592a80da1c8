import { type Evaluation, evaluate, KdError, type ResolvedConfig, resolveMetric } from '@kd/core';
import { countdown, evaluatedImages, evaluationLines, metricWords } from '@kd/report';
import { dataArgument } from '../data-argument.js';
import type { Flags } from '../flags.js';
import { findModel, type FoundModel, openModel } from '../open-model.js';
import { metricArgument } from '../metric-argument.js';
import { print, printJson } from '../out.js';
import { ports } from '../ports.js';
import { positiveFlag } from '../positive-flag.js';
import { batchSizeOfRun, evaluationSettings, openData, validationData } from '../validation-data.js';
import { weightsFlags } from '../weights-flags.js';

/** `kd eval RUN|CHECKPOINT [--data …]`: average precision of a model on a data set. */
export async function evaluateModel(path: string, flags: Flags): Promise<number> {
  const found = await findModel(path, weightsFlags(flags));
  const metric = resolveMetric(metricArgument(flags['metric']) ?? metricOfRun(found, path), ports);
  const dataset = await openData((await dataArgument(flags)) ?? validationData(found, path), found.categories);
  const sizes = {
    batchSize: positiveFlag(flags, 'batchSize', batchSizeOfRun(found) ?? 4),
    workers: positiveFlag(flags, 'workers', 1, 0),
  };
  const { built, engine } = await openModel(found, { detector: flags['detector'], categories: dataset.categories });
  const bar = countdown('evaluating');
  const began = performance.now();
  try {
    const { result } = await evaluate(built.detector, dataset, metric, {
      ...sizes,
      onBadImage: onBadImage(found, flags),
      onProgress: bar.show,
    });
    bar.end();
    const seconds = (performance.now() - began) / 1000;
    if (flags['json'] === true)
      printJson({
        ok: true,
        model: found.file,
        data: dataset.name,
        metric: metric.name,
        metricOptions: metric.options,
        ...asJson(result),
        seconds,
        engine,
      });
    else
      print(
        `${found.file} on ${dataset.name}, ${evaluatedImages(result)}, in ${seconds.toFixed(1)} s; ${metricWords(metric)}, in percent`,
        '',
        ...evaluationLines(result),
      );
    return 0;
  } finally {
    bar.end();
    built.detector.dispose();
  }
}

const asJson = ({ images, skipped, metrics, perClass }: Evaluation): Record<string, unknown> => ({
  images,
  skipped: skipped.map(({ file, why }) => ({ file, why })),
  metrics,
  perClass: Object.fromEntries(perClass.map(({ category, metrics: own }) => [category.name, own])),
});

/** What `--skip-bad` says, else what the run did. */
function onBadImage({ config }: FoundModel, { skipBad }: Flags): 'error' | 'skip' {
  const ofRun = (config?.['data'] as { onBadImage?: unknown } | undefined)?.onBadImage;
  return skipBad === true || (skipBad === undefined && ofRun === 'skip') ? 'skip' : 'error';
}

/** @throws KdError USAGE where the run measured with a metric that nothing but its config can make */
function metricOfRun(found: FoundModel, path: string): ResolvedConfig['evaluate']['metric'] {
  const { metric = 'coco' } = evaluationSettings(found) as {
    metric?: string | [string, Record<string, unknown>] | { name: string } | null;
  };
  if (typeof metric === 'string' || Array.isArray(metric)) return metric;
  throw new KdError(
    'USAGE',
    `${path} was measured with "${String(metric?.name)}", a metric that its config made itself and that has no name to make it by; say which is meant with --metric, such as --metric coco.`,
  );
}
