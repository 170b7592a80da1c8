import { realpathSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { disposeAll, type Detector, type ImageDetections, KdError, messageOf, tidy, writeFileAtomic } from '@kd/core';
import { DEFAULT_MAX_PIXELS, inputTransform, readImage } from '@kd/data';
import * as tf from '@tensorflow/tfjs-core';
import { classNames } from '../data-argument.js';
import { drawBoxes, hasFont } from '../drawing.js';
import { FAILED, failureLines } from '../failures.js';
import type { Flags } from '../flags.js';
import { findModel, openModel } from '../open-model.js';
import { print, printJson, tell } from '../out.js';
import { shownPath } from '../shown-path.js';
import { weightsFlags } from '../weights-flags.js';

interface Found {
  /** x1 y1 x2 y2 in pixels of the upright image */
  readonly box: readonly [number, number, number, number];
  readonly class: string;
  readonly label: number;
  readonly score: number;
}

type Prediction =
  | {
      readonly file: string;
      readonly width: number;
      readonly height: number;
      readonly drawn: string;
      readonly detections: readonly Found[];
    }
  | { readonly file: string; readonly error: { readonly code: string; readonly message: string } };

/** `kd predict RUN IMAGES… --out DIR`: an image that cannot be read is told and left out, the others go on. */
export async function predict(path: string, images: readonly string[], flags: Flags): Promise<number> {
  const threshold = scoreFlag(flags['threshold']);
  const out = resolve(String(flags['out'] ?? 'predictions'));
  const model = await findModel(path, weightsFlags(flags));
  const names = flags['classes'] === undefined ? undefined : await classNames(String(flags['classes']));
  const { built } = await openModel(model, {
    detector: flags['detector'],
    ...(names === undefined ? {} : { categories: names.map((name, i) => ({ id: i + 1, name })) }),
  });
  if (!(await hasFont()))
    tell(
      'warning: this machine has no font, labels are drawn as empty boxes; install one (Debian: apt install fonts-dejavu-core), or read predictions.json',
    );
  const nameFor = outputNames(out, images);
  const predictions: Prediction[] = [];
  try {
    for (const file of images) {
      try {
        predictions.push(await predictOne(built.detector, file, { threshold, out, drawn: nameFor(file) }));
      } catch (error) {
        if (error instanceof KdError && error.code === 'FILE_WRITE') throw error;
        const code = error instanceof KdError ? error.code : 'UNEXPECTED';
        tell(...failureLines(error));
        predictions.push({ file, error: { code, message: messageOf(error) } });
      }
    }
  } finally {
    built.detector.dispose();
  }
  const result = {
    model: model.file,
    classes: built.spec.categories.map(({ name }) => name),
    threshold,
    images: predictions,
  };
  await writeFileAtomic(join(out, 'predictions.json'), `${JSON.stringify(result, null, 2)}\n`);
  const older = await olderPictures(out, images, predictions);
  if (older.length > 0)
    tell(
      `note: ${shownPath(out)} holds ${older.length} other ${older.length === 1 ? 'picture' : 'pictures'} (${older.slice(0, 3).join(', ')}${older.length > 3 ? ', …' : ''}), which this call did not draw and predictions.json does not name`,
    );
  const failed = predictions.filter((one) => 'error' in one).length;
  if (flags['json'] === true) printJson({ ok: failed === 0, ...result });
  else
    print(
      ...predictions.flatMap(lineOf),
      `${images.length - failed} of ${images.length} images, boxes and predictions.json in ${out}`,
    );
  return failed === 0 ? 0 : FAILED;
}

/** Pictures in the folder that neither were drawn now nor are among those that were read: of an earlier call, say. */
async function olderPictures(
  out: string,
  images: readonly string[],
  predictions: readonly Prediction[],
): Promise<string[]> {
  const read = new Set(images.map(realPath));
  const drawn = new Set(predictions.map((one) => ('drawn' in one ? one.drawn : '')));
  const names = await readdir(out);
  return names
    .filter((name) => name.endsWith('.png') && !drawn.has(name) && !read.has(realPath(join(out, name))))
    .sort();
}

async function predictOne(
  detector: Detector,
  file: string,
  { threshold, out, drawn }: { threshold: number; out: string; drawn: string },
): Promise<Prediction> {
  const image = await readImage(file, { declared: null, maxPixels: DEFAULT_MAX_PIXELS });
  const batch = inputTransform([{ image, id: file }], detector.input);
  const input = tf.tensor4d(batch.images, [...batch.shape]);
  const output = tidy(() => detector.forward(input, { training: false }));
  let detections: readonly Found[];
  try {
    const [found] = await detector.detect(output, batch);
    detections = listed(found!, detector, threshold);
  } finally {
    disposeAll([input, output]);
  }
  const boxes = detections.map(({ box, label, class: name, score }) => ({
    box,
    label,
    text: `${name} ${score.toFixed(2)}`,
  }));
  await writeFileAtomic(join(out, drawn), await drawBoxes(image, boxes));
  return { file, width: image.width, height: image.height, drawn, detections };
}

function listed({ boxes, scores, labels }: ImageDetections, { categories }: Detector, threshold: number): Found[] {
  return Array.from(scores, (score, i): Found => {
    const [x1, y1, x2, y2] = boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
    return { box: [x1, y1, x2, y2], class: categories[labels[i]!]!.name, label: labels[i]!, score };
  }).filter(({ score }) => score >= threshold);
}

const lineOf = (one: Prediction): string[] =>
  'error' in one
    ? []
    : [`${one.file}: ${one.detections.length} ${one.detections.length === 1 ? 'box' : 'boxes'} -> ${one.drawn}`];

/**
 * Names for the drawn images; two images of one name in different folders get different ones, and none gets the name
 * of an image that is read.
 */
function outputNames(out: string, images: readonly string[]): (file: string) => string {
  const taken = new Set<string>();
  const read = new Set(images.map(realPath));
  return (file) => {
    const stem = basename(file, extname(file));
    let name = `${stem}.png`;
    for (let n = 2; taken.has(name) || read.has(realPath(join(out, name))); n++) name = `${stem}-${n}.png`;
    taken.add(name);
    return name;
  };
}

/** Without links; of a file that is not there, its name as it is. */
function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return resolve(file);
  }
}

function scoreFlag(value: unknown): number {
  if (value === undefined) return 0.3;
  if (typeof value === 'number' && value >= 0 && value <= 1) return value;
  throw new KdError('USAGE', `--threshold ${String(value)}: expected a score between 0 and 1.`);
}
