import { dirname, join, resolve } from 'node:path';
import { isObject, KdError, readRegularText } from '@kd/core';
import { exportOptions } from '../export/options.js';
import type { Format } from '../export/format.js';
import { refuseTaken, writeExported } from '../export/write-exported.js';
import type { Flags } from '../flags.js';
import { modelFlags } from '../model-flags.js';
import { findModel, openModel } from '../open-model.js';
import { print, printJson, tell } from '../out.js';
import { shownPath } from '../shown-path.js';
import { weightsFlags } from '../weights-flags.js';

/** What `--to` takes. A format is loaded when it is asked for. */
const FORMATS: Readonly<Record<string, () => Promise<Format>>> = {
  onnx: async () => (await import('../export/onnx.js')).onnx,
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
  await refuseTaken(target);
  const model = await findModel(path, weightsFlags(flags));
  const { built } = await openModel(model, await modelFlags(flags));
  try {
    const metrics = await metricsOfRun(model.file);
    const format = await FORMATS[to]!();
    const { content, lines, program } = await format(built.detector, {
      ...options,
      ...(metrics && { metrics }),
      out: String(out),
    });
    const bytes = await writeExported(target, content);
    const about = [
      `${built.detector.name} with ${built.detector.categories.length} classes as ${to} in ${shownPath(target)}, ${(bytes / 1e6).toFixed(2)} MB`,
      ...lines,
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
      });
    else if (program === undefined) print(...about);
    else {
      // The program alone can be sent into a file.
      print(...program.trimEnd().split('\n'));
      tell(...about);
    }
  } finally {
    built.detector.dispose();
  }
  return 0;
}

/** What the run of a checkpoint measured last of its best weights, where it lies in one. */
async function metricsOfRun(checkpoint: string): Promise<Record<string, number> | undefined> {
  const text = await readRegularText(join(dirname(dirname(checkpoint)), 'summary.json')).catch(() => null);
  return text === null ? undefined : metricsIn(text);
}

function metricsIn(text: string): Record<string, number> | undefined {
  try {
    const summary = JSON.parse(text) as unknown;
    const metrics = isObject(summary) ? summary['metrics'] : undefined;
    if (!isObject(metrics)) return undefined;
    return Object.fromEntries(
      Object.entries(metrics).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
    );
  } catch {
    return undefined;
  }
}
