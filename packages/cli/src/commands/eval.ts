import { evaluate, KdError, resolveMetric } from '@kd/core';
import { countdown } from '@kd/report';
import { dataArgument } from '../data-argument.js';
import { tellEvaluation } from '../evaluation.js';
import type { Flags } from '../flags.js';
import { findModel, type FoundModel, openModel } from '../open-model.js';
import { metricArgument } from '../metric-argument.js';
import { metricOfRun } from '../metric-of-run.js';
import { ports } from '../ports.js';
import { positiveFlag } from '../positive-flag.js';
import { batchSizeOfRun, openData, validationData } from '../validation-data.js';
import { weightsFlags } from '../weights-flags.js';
import { evaluateDetections } from './eval-detections.js';

/** `kd eval RUN|CHECKPOINT [--data …]`: average precision of a model, or of detections, on a data set. */
export async function evaluateModel(path: string | undefined, flags: Flags): Promise<number> {
  if (flags['detections'] !== undefined) return evaluateDetections(path, flags);
  if (path === undefined)
    throw new KdError('USAGE', 'kd eval needs a run folder or a checkpoint, or --detections FILE with data.');
  const found = await findModel(path, weightsFlags(flags));
  const metric = resolveMetric(metricArgument(flags['metric']) ?? metricOfRun(found, path), ports);
  const dataset = await openData((await dataArgument(flags)) ?? validationData(found, path), found.categories);
  const sizes = {
    batchSize: positiveFlag(flags, 'batchSize', batchSizeOfRun(found) ?? 4),
    workers: positiveFlag(flags, 'workers', 1, 0),
  };
  const { built, engine, inference, close } = await openModel(found, {
    detector: flags['detector'],
    categories: dataset.categories,
  });
  const bar = countdown('evaluating');
  const began = performance.now();
  try {
    const { result } = await evaluate(built.detector, dataset, metric, {
      ...sizes,
      inference,
      onBadImage: onBadImage(found, flags),
      onProgress: bar.show,
    });
    bar.end();
    const seconds = (performance.now() - began) / 1000;
    tellEvaluation(flags, { of: { model: found.file }, dataset, metric, result, seconds, engine });
    return 0;
  } finally {
    bar.end();
    close();
  }
}

/** What `--skip-bad` says, else what the run did. */
function onBadImage({ config }: FoundModel, { skipBad }: Flags): 'error' | 'skip' {
  const ofRun = (config?.['data'] as { onBadImage?: unknown } | undefined)?.onBadImage;
  return skipBad === true || (skipBad === undefined && ofRun === 'skip') ? 'skip' : 'error';
}
