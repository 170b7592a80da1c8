import { dirname, resolve } from 'node:path';
import { isObject, KdError, resolveMetric } from '@kd/core';
import { countdown } from '@kd/report';
import { type CompareOptions, comparisonLines, compareWeights } from '../export/compare-weights.js';
import { exportOptions } from '../export/options.js';
import type { Format } from '../export/format.js';
import { refuseTaken, writeExported } from '../export/write-exported.js';
import type { Flags } from '../flags.js';
import { modelFlags } from '../model-flags.js';
import { metricOfRun } from '../metric-of-run.js';
import { findModel, type FoundModel, openModel } from '../open-model.js';
import { objectIn } from '../object-in.js';
import { print, printJson, tell } from '../out.js';
import { ports } from '../ports.js';
import { projectPackage } from '../project-package.js';
import { shownPath } from '../shown-path.js';
import { openData, validationData } from '../validation-data.js';
import { weightsFlags } from '../weights-flags.js';

/** What `--to` takes. A format is loaded when it is asked for. */
const FORMATS: Readonly<Record<string, () => Promise<Format>>> = {
  onnx: async () => (await import('../export/onnx.js')).onnx,
  'tfjs-layers': async () => (await import('../export/tfjs.js')).tfjsLayers,
  'tfjs-graph': async () => (await import('../export/tfjs.js')).tfjsGraph,
  torchvision: async () => (await import('../export/torch.js')).torch('torchvision'),
  mmdet: async () => (await import('../export/torch.js')).torch('mmdet'),
  web: async () => (await import('../export/web.js')).web,
};

/** `kd export RUN --to onnx --out student.onnx`: a trained detector for other programs. */
export async function exportModel(path: string, flags: Flags): Promise<number> {
  const { to, out } = flags;
  const names = Object.keys(FORMATS).join(', ');
  if (typeof to !== 'string' || !Object.hasOwn(FORMATS, to))
    throw new KdError('USAGE', `${to === undefined ? '--to is missing' : `--to ${String(to)}`}: give one of ${names}.`);
  if (out === undefined || out === true) throw new KdError('USAGE', '--out PATH is missing: where the export goes.');
  const target = resolve(String(out));
  const options = exportOptions(flags);
  if (flags['compare'] === true && to !== 'onnx')
    throw new KdError('USAGE', '--compare measures files of ONNX: export with --to onnx, or leave --compare out.');
  await refuseTaken(target);
  const model = await findModel(path, weightsFlags(flags));
  const measured = flags['compare'] === true ? await measuredWith(model, path) : null;
  const { built, close } = await openModel(model, await modelFlags(flags));
  try {
    const metrics = await metricsOfRun(model.file);
    const format = await FORMATS[to]!();
    const written = (weights: typeof options.weights): ReturnType<Format> =>
      format(built.detector, { ...options, weights, ...(metrics && { metrics }), out: String(out) });
    const { content, lines, program } = await written(options.weights);
    const bytes = await writeExported(target, content);
    const comparison = measured === null ? null : await compared({ ...measured, written });
    const about = [
      `${built.detector.name} with ${built.detector.categories.length} classes as ${to} in ${shownPath(target)}, ${(bytes / 1e6).toFixed(2)} MB`,
      ...lines,
      ...(comparison === null ? [] : ['', ...comparisonLines(comparison, measured!.metric, measured!.dataset.name)]),
    ];
    if (flags['json'] === true)
      printJson({
        ok: true,
        model: model.file,
        format: to,
        out: target,
        bytes,
        notes: lines,
        ...(program && { program }),
        ...(comparison && { comparison }),
      });
    else if (program === undefined) print(...about);
    else {
      // The program alone can be sent into a file.
      print(...program.trimEnd().split('\n'));
      tell(...about);
    }
  } finally {
    close();
  }
  return 0;
}

/** What `--compare` measures with: the validation data and the metric of the run, and what runs the file. */
async function measuredWith(model: FoundModel, path: string): Promise<Omit<CompareOptions, 'written' | 'onProgress'>> {
  const runtime = await projectPackage<object>('onnxruntime-node', 'pnpm add -D --ignore-scripts onnxruntime-node');
  const metric = resolveMetric(metricOfRun(model, path), ports);
  return { runtime, metric, dataset: await openData(validationData(model, path), model.categories) };
}

async function compared(options: Omit<CompareOptions, 'onProgress'>): ReturnType<typeof compareWeights> {
  const bar = countdown('comparing');
  try {
    return await compareWeights({ ...options, onProgress: bar.show });
  } finally {
    bar.end();
  }
}

/** What the run of a checkpoint measured last of its best weights, where it lies in one. */
async function metricsOfRun(checkpoint: string): Promise<Record<string, number> | undefined> {
  const metrics = (await objectIn(dirname(dirname(checkpoint)), 'summary.json'))?.['metrics'];
  if (!isObject(metrics)) return undefined;
  return Object.fromEntries(
    Object.entries(metrics).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}
