import { resolve } from 'node:path';
import { type Category, KdError, messageOf, writeFileAtomic } from '@kd/core';
import { type HostImage, imageFiles } from '@kd/data';
import { countdown } from '@kd/report';
import { detectImages, type Found } from '../detect-images.js';
import { FAILED, failureLines } from '../failures.js';
import type { Flags } from '../flags.js';
import { labelNames } from '../label-names.js';
import { modelFlags } from '../model-flags.js';
import { findModel, openModel } from '../open-model.js';
import { othersLeftOut, print, printJson, tell } from '../out.js';
import { refuseExisting } from '../output-file.js';
import { positiveFlag } from '../positive-flag.js';
import { readAnyImage } from '../read-any-image.js';
import { scoreFlag } from '../score-flag.js';
import { shownPath } from '../shown-path.js';
import { weightsFlags } from '../weights-flags.js';

interface Labelled {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly found: readonly Found[];
}

/**
 * `kd label RUN IMAGES… --out FILE`: what a model finds on images, as annotations to train with. An image that cannot
 * be read is told and left out, the others go on.
 */
export async function label(path: string, given: readonly string[], flags: Flags): Promise<number> {
  const score = scoreFlag(flags, 'score', 0.5);
  const batchSize = positiveFlag(flags, 'batchSize', 4);
  if (flags['out'] === undefined)
    throw new KdError('USAGE', 'kd label needs --out FILE.json, the annotations to write.');
  const out = resolve(String(flags['out']));
  refuseExisting(out, flags);
  const { files, others } = await imageFiles(given);
  const { root, images } = labelNames(files, out, flags['images'] === undefined ? undefined : String(flags['images']));
  const options = await modelFlags(flags);
  const { built, inference, close } = await openModel(await findModel(path, weightsFlags(flags)), options);
  const labelled: Labelled[] = [];
  const unread: { readonly file: string; readonly error: { readonly code: string; readonly message: string } }[] = [];
  const bar = countdown('labelling');
  try {
    for (let at = 0; at < images.length; at += batchSize) {
      const batch: { readonly name: string; readonly image: HostImage }[] = [];
      const read = images
        .slice(at, at + batchSize)
        .map(async ({ file, name }) => ({ name, image: await readAnyImage(file) }));
      for (const [i, result] of (await Promise.allSettled(read)).entries()) {
        if (result.status === 'fulfilled') batch.push(result.value);
        else {
          const error: unknown = result.reason;
          if (!(error instanceof KdError)) throw error;
          bar.end();
          tell(...failureLines(error));
          unread.push({ file: images[at + i]!.file, error: { code: error.code, message: messageOf(error) } });
        }
      }
      if (batch.length === 0) continue;
      const found = await detectImages(
        built.detector,
        batch.map(({ image }) => image),
        score,
        inference,
      );
      batch.forEach(({ name, image: { width, height } }, i) =>
        labelled.push({ name, width, height, found: found[i]! }),
      );
      bar.show(Math.min(at + batchSize, images.length), images.length);
    }
  } finally {
    bar.end();
    close();
  }
  if (labelled.length === 0)
    throw new KdError('IMAGE_INVALID', `None of the ${images.length} images can be read; nothing is written.`);
  const instances = cocoInstances(labelled, built.spec.categories, score);
  await writeFileAtomic(out, `${JSON.stringify(instances)}\n`);

  const boxes = instances.annotations.length;
  const data = { format: 'coco', annotations: shownPath(out), images: shownPath(root) };
  if (boxes === 0)
    tell(
      `warning: nothing was found with a score of ${score} or more; a lower --score keeps more of what the model finds`,
    );
  if (flags['json'] === true)
    printJson({ ok: unread.length === 0, images: labelled.length, boxes, score, others, unread, data });
  else
    print(
      `${labelled.length} of ${images.length} images, ${boxes} boxes in ${shownPath(out)}${othersLeftOut(others)}`,
      `to train with it: data: { train: ${JSON.stringify(data)} }`,
    );
  return unread.length === 0 ? 0 : FAILED;
}

/** As COCO has instances, with a score beside each; sizes and boxes of the upright images. */
function cocoInstances(labelled: readonly Labelled[], categories: readonly Category[], score: number) {
  const images = labelled.map(({ name, width, height }, i) => ({ id: i + 1, file_name: name, width, height }));
  const annotations = labelled.flatMap(({ found, width, height }, i) =>
    found.flatMap(({ box, label, score }) => {
      const [x1, y1, x2, y2] = [cut(box[0], width), cut(box[1], height), cut(box[2], width), cut(box[3], height)];
      const [w, h] = [hundredths(x2 - x1), hundredths(y2 - y1)];
      const bbox = [x1, y1, w, h];
      const category = categories[label]!.id;
      return w > 0 && h > 0 ? [{ image_id: i + 1, category_id: category, bbox, area: hundredths(w * h), score }] : [];
    }),
  );
  return {
    info: { description: `found by a model, score ${score} or more` },
    images,
    annotations: annotations.map((one, i) => ({ id: i + 1, ...one, iscrowd: 0 })),
    categories: categories.map(({ id, name }) => ({ id, name })),
  };
}

const hundredths = (value: number): number => Math.round(value * 100) / 100;
const cut = (value: number, side: number): number => hundredths(Math.min(Math.max(value, 0), side));
