import { realpathSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { type Detector, KdError, messageOf, writeFileAtomic } from '@kd/core';
import { DEFAULT_MAX_PIXELS, imageFiles, readImage } from '@kd/data';
import { detectImages, type Found } from '../detect-images.js';
import { drawBoxes } from '../drawing.js';
import { FAILED, failureLines } from '../failures.js';
import type { Flags } from '../flags.js';
import { modelFlags } from '../model-flags.js';
import { findModel, openModel } from '../open-model.js';
import { othersLeftOut, print, printJson, tell } from '../out.js';
import { scoreFlag } from '../score-flag.js';
import { shownPath } from '../shown-path.js';
import { weightsFlags } from '../weights-flags.js';

type Prediction =
  | {
      readonly file: string;
      readonly width: number;
      readonly height: number;
      readonly drawn: string;
      readonly detections: readonly Found[];
    }
  | { readonly file: string; readonly error: { readonly code: string; readonly message: string } };

/**
 * `kd predict RUN IMAGES… --out DIR`, images or folders of them: an image that cannot be read is told and left out, the
 * others go on.
 */
export async function predict(path: string, given: readonly string[], flags: Flags): Promise<number> {
  const threshold = scoreFlag(flags, 'threshold', 0.3);
  const out = resolve(String(flags['out'] ?? 'predictions'));
  const { files: images, others } = await imageFiles(given, out);
  const model = await findModel(path, weightsFlags(flags));
  const { built } = await openModel(model, await modelFlags(flags));
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
  if (flags['json'] === true) printJson({ ok: failed === 0, ...result, others });
  else
    print(
      ...predictions.flatMap(lineOf),
      `${images.length - failed} of ${images.length} images, boxes and predictions.json in ${out}${othersLeftOut(others)}`,
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
  const [found] = await detectImages(detector, [image], threshold);
  const detections = found!;
  const boxes = detections.map(({ box, label, class: name, score }) => ({
    box,
    label,
    text: `${name} ${score.toFixed(2)}`,
  }));
  await writeFileAtomic(join(out, drawn), await drawBoxes(image, boxes));
  return { file, width: image.width, height: image.height, drawn, detections };
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
