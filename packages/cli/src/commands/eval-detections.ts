import { KdError, resolveMetric } from '@kd/core';
import { dataArgument } from '../data-argument.js';
import { tellEvaluation } from '../evaluation.js';
import type { Flags } from '../flags.js';
import { metricArgument } from '../metric-argument.js';
import { metricOfRun } from '../metric-of-run.js';
import { findModel } from '../open-model.js';
import { tell } from '../out.js';
import { ports } from '../ports.js';
import { readCocoResults } from '../read-detections.js';
import { openData, validationData } from '../validation-data.js';

/** What says how a model runs, of which there is none. */
const OF_MODELS = ['batchSize', 'workers', 'skipBad', 'detector', 'key', 'prefix', 'rename'];

/**
 * `kd eval [RUN] --detections FILE [--data …]`: average precision of results in COCO's form. Data and metric are those
 * that are given, else those of the run; no model is opened.
 */
export async function evaluateDetections(path: string | undefined, flags: Flags): Promise<number> {
  const [idle] = OF_MODELS.filter((name) => flags[name] !== undefined);
  if (idle !== undefined)
    throw new KdError(
      'USAGE',
      `--${idle.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} is for a model that is run; with --detections none is: leave one of the two out.`,
    );
  const file = String(flags['detections']);
  const given = await dataArgument(flags);
  const found = path === undefined ? null : await findModel(path);
  if (given === null && found === null)
    throw new KdError(
      'USAGE',
      'kd eval --detections needs the data that was predicted: --coco JSON --images DIR, --voc ROOT --split NAME, --data, or a run whose validation data are meant.',
    );
  const named = metricArgument(flags['metric']) ?? (found === null ? 'coco' : metricOfRun(found, path!));
  const metric = resolveMetric(named, ports);
  const dataset = await openData(given ?? validationData(found!, path!), found?.categories ?? null);
  const began = performance.now();
  const { detections, ofOtherClasses } = await readCocoResults(file, dataset);
  if (ofOtherClasses > 0)
    tell(`note: ${ofOtherClasses} detections are of classes that ${dataset.name} has not, and do not count`);
  const { categories, images } = dataset;
  const result = { ...metric.evaluate({ categories, images }, detections), images: images.length, skipped: [] };
  const seconds = (performance.now() - began) / 1000;
  tellEvaluation(flags, { of: { detections: file }, dataset, metric, result, seconds });
  return 0;
}
