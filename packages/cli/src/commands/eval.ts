import {
  type Category,
  classDifference,
  type Dataset,
  type Evaluation,
  evaluate,
  KdError,
  type ResolvedConfig,
  openDataset,
  resolveMetric,
} from '@kd/core';
import { countdown, evaluatedImages, evaluationLines, metricWords } from '@kd/report';
import { type DataArgument, dataArgument } from '../data-argument.js';
import type { Flags } from '../flags.js';
import { findModel, type FoundModel, openModel } from '../open-model.js';
import { metricArgument } from '../metric-argument.js';
import { byModelClasses } from '../match-classes.js';
import { print, printJson, tell } from '../out.js';
import { ports } from '../ports.js';
import { positiveFlag } from '../positive-flag.js';
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

const settings = ({ config }: FoundModel): Readonly<Record<string, unknown>> =>
  (config?.['evaluate'] ?? {}) as Readonly<Record<string, unknown>>;

/** As in the run: how images are padded depends on those beside them. */
function batchSizeOfRun(found: FoundModel): number | undefined {
  const { batchSize = found.config?.['batchSize'] } = settings(found);
  return typeof batchSize === 'number' ? batchSize : undefined;
}

/** @throws KdError USAGE where the run measured with a metric that nothing but its config can make */
function metricOfRun(found: FoundModel, path: string): ResolvedConfig['evaluate']['metric'] {
  const { metric = 'coco' } = settings(found) as {
    metric?: string | [string, Record<string, unknown>] | { name: string } | null;
  };
  if (typeof metric === 'string' || Array.isArray(metric)) return metric;
  throw new KdError(
    'USAGE',
    `${path} was measured with "${String(metric?.name)}", a metric that its config made itself and that has no name to make it by; say which is meant with --metric, such as --metric coco.`,
  );
}

function validationData({ config, folder }: FoundModel, path: string): DataArgument {
  const spec = (config?.['data'] as { val?: Record<string, unknown> } | undefined)?.val;
  if (typeof spec?.['format'] !== 'string')
    throw new KdError(
      'USAGE',
      `${path} names no validation data that can be opened again; say which with --coco JSON --images DIR, --voc ROOT --split NAME, or --data.`,
    );
  return { spec, folder };
}

/** Opens the data and checks that its classes are the model's. */
async function openData({ spec, folder }: DataArgument, known: readonly Category[] | null): Promise<Dataset> {
  const names = known?.map(({ name }) => name);
  const dataset = await openDataset(spec as ResolvedConfig['data']['train'], folder, ports, names);
  if (names === undefined) return dataset;
  const own = dataset.categories.map(({ name }) => name);
  const difference = classDifference({ of: 'the model', names }, { of: dataset.name, names: own });
  // Who names classes of the data says which are meant; else a class that is missing is a file that is none of them.
  const matched = difference === null || spec['classes'] === undefined ? null : byModelClasses(dataset, names);
  if (matched !== null) {
    const others = names.filter((name) => !own.includes(name));
    if (others.length > 0) tell(`note: not measured are ${others.join(', ')} of the model, which the data has not`);
    return matched;
  }
  if (difference !== null)
    throw new KdError(
      'DATA_INVALID',
      `the classes of the model and of the data differ: ${difference}. ${names.every((name) => own.includes(name)) ? `Give the data the model's list: --classes '${JSON.stringify(names)}', or "classes" in --data.` : 'Evaluate on data that has the classes of the model.'}`,
    );
  return dataset;
}
