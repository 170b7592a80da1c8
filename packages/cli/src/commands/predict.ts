import { join } from 'node:path';
import { type Category, KdError, messageOf, writeFileAtomic } from '@kd/core';
import { imageFiles } from '@kd/data';
import { countdown } from '@kd/report';
import { type CocoIds, cocoIds, cocoResults, cocoRows } from '../coco-ids.js';
import type { Found } from '../detect-images.js';
import { drawBoxes } from '../drawing.js';
import { drawnNames, olderPictures } from '../drawn-names.js';
import { FAILED, failureLines } from '../failures.js';
import type { Flags } from '../flags.js';
import { modelFlags } from '../model-flags.js';
import { findModel, openModel } from '../open-model.js';
import { othersLeftOut, print, printJson, tell } from '../out.js';
import { predictImages } from '../predict-images.js';
import { type PredictionOutputs, predictionOutputs } from '../prediction-outputs.js';
import { scoreFlag } from '../score-flag.js';
import { shownPath } from '../shown-path.js';
import { weightsFlags } from '../weights-flags.js';

interface Read {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  /** Name of the picture, where there is one. */
  readonly drawn?: string;
  /** All that the model gives, best first. */
  readonly found: readonly Found[];
}
interface Unread {
  readonly file: string;
  readonly error: { readonly code: string; readonly message: string };
}
type Prediction = Read | Unread;

/** Pictures that are drawn and written while the model goes on with the next images. */
const DRAWN_BESIDE = 4;

/**
 * `kd predict RUN IMAGES…`, images, folders or patterns: an image that cannot be read is told and left out, the others
 * go on.
 */
export async function predict(path: string, given: readonly string[], flags: Flags): Promise<number> {
  const threshold = scoreFlag(flags, 'threshold', 0.3);
  // Average precision counts what is found with a low score, too.
  const cocoThreshold = scoreFlag(flags, 'threshold', 0);
  const outputs = predictionOutputs(flags);
  const { folder, json, coco } = outputs;
  const { files, others } = await imageFiles(given, folder ?? undefined);
  const model = await findModel(path, weightsFlags(flags));
  const { built, inference, close } = await openModel(model, await modelFlags(flags));
  const { categories } = built.spec;
  const began = performance.now();
  let predictions: Prediction[];
  let ids: CocoIds | null = null;
  let images = files;
  try {
    ids = coco === null ? null : await idsFor(files, categories, flags);
    if (ids !== null) images = files.filter((file) => ids!.images.has(file));
    predictions = await predicted(
      predictImages(built.detector, images, inference, {
        threshold: coco === null ? threshold : cocoThreshold,
        pixels: folder !== null,
      }),
      {
        count: images.length,
        folder,
        nameFor: folder === null ? null : drawnNames(folder, images),
        threshold,
      },
    );
  } finally {
    close();
  }
  const seconds = (performance.now() - began) / 1000;
  const failed = predictions.filter((one) => 'error' in one).length;
  if (failed === images.length && folder === null)
    throw new KdError('IMAGE_INVALID', `None of the ${failed} images can be used; nothing is written.`);
  const shown = predictions.map((one) => ('error' in one ? one : listed(one, threshold)));
  const result = { model: model.file, classes: categories.map(({ name }) => name), threshold, images: shown };
  if (folder !== null) await writeFolder(folder, images, result);
  const list = shown.flatMap((one) => ('error' in one ? [] : [{ file: one.file, detections: one.detections }]));
  if (json !== null && json !== '-') await writeFileAtomic(json, `${JSON.stringify(list, null, 2)}\n`);
  if (coco !== null) await writeFileAtomic(coco, cocoResults(rowsOf(predictions, ids!, cocoThreshold)));

  const imagesPerSecond = (images.length - failed) / seconds;
  if (json === '-') printJson(list);
  const words = [
    ...(folder === null ? [] : shown.flatMap(lineOf)),
    `${images.length - failed} of ${images.length} images in ${seconds.toFixed(1)} s, ${imagesPerSecond.toFixed(1)} images/s${written(outputs)}${othersLeftOut(others)}`,
  ];
  if (outputs.summary) printJson({ ok: failed === 0, ...result, others, seconds, imagesPerSecond });
  else if (json === '-') tell(...words.slice(-1));
  else print(...words);
  return failed === 0 ? 0 : FAILED;
}

/** Ids for results of COCO; what follows from them for the person is told. */
async function idsFor(files: readonly string[], categories: readonly Category[], flags: Flags): Promise<CocoIds> {
  const annotations = flags['annotations'] === undefined ? undefined : String(flags['annotations']);
  const ids = await cocoIds(files, categories, annotations);
  const without = files.length - ids.images.size;
  if (without > 0) tell(`note: ${without} of ${files.length} images are not in ${annotations} and are left out`);
  if (ids.named)
    tell(
      'note: image_id of the results is the name of each file; kd eval --detections takes that, pycocotools needs the ids of an instances file: give it with --annotations',
    );
  return ids;
}

interface Drawing {
  readonly count: number;
  readonly folder: string | null;
  readonly nameFor: ((file: string) => string) | null;
  readonly threshold: number;
}

async function predicted(
  images: ReturnType<typeof predictImages>,
  { count, folder, nameFor, threshold }: Drawing,
): Promise<Prediction[]> {
  const predictions: Prediction[] = [];
  const beside: Promise<void>[] = [];
  const bar = countdown('predicting');
  try {
    for await (const one of images) {
      if ('error' in one) {
        const code = one.error instanceof KdError ? one.error.code : 'UNEXPECTED';
        bar.end();
        tell(...failureLines(one.error));
        predictions.push({ file: one.file, error: { code, message: messageOf(one.error) } });
      } else {
        const { file, width, height, found } = one;
        const drawn = nameFor?.(file);
        predictions.push({ file, width, height, ...(drawn === undefined ? {} : { drawn }), found });
        if (drawn !== undefined) {
          if (beside.length === DRAWN_BESIDE) await beside.shift();
          const labelled = above(found, threshold).map((each) => ({
            ...each,
            text: `${each.class} ${each.score.toFixed(2)}`,
          }));
          const picture = drawBoxes(one.image!, labelled).then((png) => writeFileAtomic(join(folder!, drawn), png));
          picture.catch(() => {}); // told where it is awaited
          beside.push(picture);
        }
      }
      bar.show(predictions.length, count);
    }
    await Promise.all(beside);
  } finally {
    bar.end();
    await Promise.allSettled(beside);
  }
  return predictions;
}

const above = (found: readonly Found[], threshold: number): Found[] => found.filter(({ score }) => score >= threshold);

const listed = ({ found, ...one }: Read, threshold: number): Omit<Read, 'found'> & { detections: Found[] } => ({
  ...one,
  detections: above(found, threshold),
});

const rowsOf = (predictions: readonly Prediction[], ids: CocoIds, threshold: number): ReturnType<typeof cocoRows> =>
  predictions.flatMap((one) =>
    'error' in one ? [] : cocoRows(ids.images.get(one.file)!, above(one.found, threshold), ids.categories),
  );

async function writeFolder(
  folder: string,
  images: readonly string[],
  result: { readonly images: readonly object[] },
): Promise<void> {
  await writeFileAtomic(join(folder, 'predictions.json'), `${JSON.stringify(result, null, 2)}\n`);
  const drawn = new Set(result.images.map((one) => ('drawn' in one ? String(one.drawn) : '')));
  const older = await olderPictures(folder, images, drawn);
  if (older.length > 0)
    tell(
      `note: ${shownPath(folder)} holds ${older.length} other ${older.length === 1 ? 'picture' : 'pictures'} (${older.slice(0, 3).join(', ')}${older.length > 3 ? ', …' : ''}), which this call did not draw and predictions.json does not name`,
    );
}

const lineOf = (one: Unread | ReturnType<typeof listed>): string[] =>
  'error' in one
    ? []
    : [`${one.file}: ${one.detections.length} ${one.detections.length === 1 ? 'box' : 'boxes'} -> ${one.drawn}`];

const written = ({ folder, json, coco }: PredictionOutputs): string =>
  [
    ...(folder === null ? [] : [`boxes and predictions.json in ${folder}`]),
    ...(json === null || json === '-' ? [] : [shownPath(json)]),
    ...(coco === null ? [] : [`COCO results in ${shownPath(coco)}`]),
  ]
    .map((one) => `, ${one}`)
    .join('');
