import { extname } from 'node:path';
import { KdError } from '@kd/core';
import { type HostImage, imageFiles } from '@kd/data';
import { columns, countdown } from '@kd/report';
import { measure, type Times } from '../bench-export/measure.js';
import { onnxRunners } from '../bench-export/onnx-runners.js';
import type { Missing, Runner } from '../bench-export/runner.js';
import { detectImages } from '../detect-images.js';
import { FAILED, failureLines } from '../failures.js';
import { type Flags, texts } from '../flags.js';
import { findModel, openModel } from '../open-model.js';
import { print, printJson, tell } from '../out.js';
import { positiveFlag } from '../positive-flag.js';
import { readAhead } from '../read-ahead.js';
import { readAnyImage } from '../read-any-image.js';
import { shownPath } from '../shown-path.js';

/** `kd bench-export PATH --images DIR [--run RUN]`: how fast an exported model is, beside kd itself. */
export async function benchExport(path: string, flags: Flags): Promise<number> {
  if (flags['images'] === undefined)
    throw new KdError('USAGE', 'kd bench-export needs --images, a folder of images to measure with.');
  const threads = flags['threads'] === undefined ? undefined : positiveFlag(flags, 'threads', 1);
  const limit = positiveFlag(flags, 'limit', 100);
  if (extname(path) !== '.onnx')
    throw new KdError(
      'USAGE',
      `${path} is no file of ONNX, and no other form is measured yet: export it with --to onnx.`,
    );
  const { files } = await imageFiles([texts(flags['images'])].flat());
  const found = [...(await onnxRunners(path, threads)), await ownRunner(flags['run'])];
  const runners = found.filter((one): one is Runner => 'detect' in one);
  const missing = found.filter((one): one is Missing => 'missing' in one);
  const unread: string[] = [];
  const bar = countdown('measuring');
  let times: Times[];
  let count = 0;
  try {
    if (runners.length === 0)
      throw new KdError('USAGE', [
        'Nothing that runs the model is here.',
        ...missing.map((one) => `${one.name}: ${one.missing}`),
      ]);
    const images = files.slice(0, limit);
    times = await measure(runners, decoded(images, unread), (done) => {
      count = done;
      bar.show(done, images.length);
    });
  } finally {
    bar.end();
    for (const runner of runners) await runner.dispose();
  }
  if (count === 0) throw new KdError('IMAGE_INVALID', `None of the ${unread.length} images can be used.`);
  if (flags['json'] === true)
    printJson({ ok: unread.length === 0, model: path, images: count, unread, milliseconds: times, missing });
  else
    print(
      `${shownPath(path)} on ${count} images, one at a time, from decoded pixels to detections, in milliseconds`,
      '',
      ...tableLines(times),
      ...missing.map(({ name, missing: why }) => `not measured: ${name}: ${why}`),
    );
  return unread.length === 0 ? 0 : FAILED;
}

/** Images as pixels; one that cannot be read is told and left out. */
async function* decoded(files: readonly string[], unread: string[]): AsyncGenerator<HostImage> {
  for await (const { item: file, result } of readAhead(files, 2, readAnyImage)) {
    if (result.status === 'fulfilled') yield result.value;
    else {
      tell(...failureLines(result.reason));
      unread.push(file);
    }
  }
}

/** What `kd predict` does between decoding and drawing, with the run that was exported. */
async function ownRunner(run: unknown): Promise<Runner | Missing> {
  const name = 'kd predict';
  if (run === undefined) return { name, missing: 'Give the run or the checkpoint that was exported with --run.' };
  const { built, engine } = await openModel(await findModel(String(run)), {});
  return {
    name: `${name} (${engine.name} ${engine.version})`,
    detect: (image) => detectImages(built.detector, [image], 0),
    dispose: () => built.detector.dispose(),
  };
}

const COLUMNS = ['median', 'p95', 'images/s'];

function tableLines(times: readonly Times[]): string[] {
  const rows = times.map(({ name, median, p95, imagesPerSecond }) => [
    name,
    ...[median, p95, imagesPerSecond].map((value) => value.toFixed(1)),
  ]);
  return columns([['', ...COLUMNS], ...rows]);
}
