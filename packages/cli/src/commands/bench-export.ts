import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { type Detector, isFolder, KdError } from '@kd/core';
import { type HostImage, imageFiles } from '@kd/data';
import { columns, countdown } from '@kd/report';
import * as tf from '@tensorflow/tfjs-core';
import { measure, type Times } from '../bench-export/measure.js';
import { onnxRunners } from '../bench-export/onnx-runners.js';
import { tfjsRunners } from '../bench-export/tfjs-runners.js';
import { unlike } from '../bench-export/unlike.js';
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
  const limit = positiveFlag(flags, 'limit', 100);
  const given = [texts(flags['images'])].flat();
  const absent = given.find((one) => !existsSync(one) && !/[*?[{(]/.test(one));
  if (absent !== undefined)
    throw new KdError('USAGE', `--images ${absent}: there is no such folder or image; name one that is there.`);
  const { files } = await imageFiles(given);
  const found = await exportedRunners(path, flags);
  const exported = found.filter((one): one is Runner => 'detect' in one);
  if (exported.length === 0)
    throw new KdError('USAGE', [
      'Nothing that runs the model is here.',
      ...found.flatMap((one) => ('missing' in one ? `${one.name}: ${one.missing}` : [])),
    ]);
  const own = await ownRunner(flags['run']);
  const runners = [...exported, ...('detect' in own ? [own] : [])];
  const missing = [...found, own].filter((one): one is Missing => 'missing' in one);
  const notes = 'detector' in own ? unlike(exported[0]!.info!, own.detector) : [];
  const unread: string[] = [];
  const bar = countdown('measuring');
  let times: Times[];
  let count = 0;
  try {
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
    printJson({ ok: unread.length === 0, model: path, images: count, unread, milliseconds: times, missing, notes });
  else
    print(
      `${shownPath(path)} on ${count} images, one at a time, from decoded pixels to detections, in milliseconds`,
      '',
      ...tableLines(times),
      ...notes.map((note) => `note: ${note}`),
      ...missing.map(({ name, missing: why }) => `not measured: ${name}: ${why}`),
    );
  return unread.length === 0 ? 0 : FAILED;
}

/** What runs the file, by its form: ONNX, or a model of TensorFlow.js. */
async function exportedRunners(path: string, flags: Flags): Promise<(Runner | Missing)[]> {
  const threads = flags['threads'] === undefined ? undefined : positiveFlag(flags, 'threads', 1);
  if (extname(path) === '.onnx') return onnxRunners(path, threads);
  const file = (await isFolder(path)) ? join(path, 'model.json') : path;
  if (extname(file) !== '.json' || !existsSync(file))
    throw new KdError(
      'USAGE',
      `${path} is no exported model that is measured here: give a file of kd export --to onnx, or the folder of --to tfjs-graph or tfjs-layers.`,
    );
  if (threads !== undefined)
    throw new KdError('USAGE', '--threads is for onnxruntime; models of TensorFlow.js have those of their back ends.');
  return tfjsRunners(file);
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
async function ownRunner(run: unknown): Promise<(Runner & { readonly detector: Detector }) | Missing> {
  const name = 'kd predict';
  if (run === undefined) return { name, missing: 'Give the run or the checkpoint that was exported with --run.' };
  const { built, engine, inference, close } = await openModel(await findModel(String(run)), {});
  return {
    name: `${name} (${engine.name} ${engine.version})`,
    detector: built.detector,
    async detect(image) {
      await tf.setBackend(engine.backend);
      return detectImages(built.detector, [image], 0, inference);
    },
    dispose: close,
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
