import { basename, extname } from 'node:path';
import { type Dataset, type ImageDetections, isObject, KdError, shown } from '@kd/core';
import { readGivenJson } from './read-given-json.js';

interface Row {
  readonly image: number | string;
  readonly category: number;
  /** x, y, width, height */
  readonly bbox: readonly [number, number, number, number];
  readonly score: number;
}

export interface GivenDetections {
  readonly detections: readonly ImageDetections[];
  /** Detections of classes that the data set has not, which do not count, as with COCO's own tools. */
  readonly ofOtherClasses: number;
}

/**
 * Results in COCO's form, for the images of a data set: by the ids of its annotations, or by the names of its files.
 * @throws KdError DATA_INVALID naming the row that is none, or is of an image that the data set has not
 */
export async function readCocoResults(file: string, { images, categories, name }: Dataset): Promise<GivenDetections> {
  const labels = new Map(categories.map(({ id }, label) => [id, label]));
  const imageOf = imageFinder(images);
  const found = new Map<number | string, Row[]>();
  let ofOtherClasses = 0;
  for (const [i, given] of (await readList(file)).entries()) {
    const row = rowOf(given, file, i);
    const id = imageOf(row.image);
    if (id === undefined)
      throw new KdError(
        'DATA_INVALID',
        `${file}, row ${i}: there is no image ${shown(row.image)} in ${name}. Evaluate the results on the data that they were made from (kd predict --annotations takes its ids).`,
      );
    if (!labels.has(row.category)) ofOtherClasses++;
    else if (found.has(id)) found.get(id)!.push(row);
    else found.set(id, [row]);
  }
  return {
    ofOtherClasses,
    detections: [...found].map(([id, rows]) => {
      rows.sort((a, b) => b.score - a.score);
      return {
        id,
        boxes: Float32Array.from(rows.flatMap(({ bbox: [x, y, w, h] }) => [x, y, x + w, y + h])),
        scores: Float32Array.from(rows, ({ score }) => score),
        labels: Int32Array.from(rows, ({ category }) => labels.get(category)!),
      };
    }),
  };
}

/** The id of an image by its id, else by the name of its file, with the extension or without. */
function imageFinder(images: Dataset['images']): (given: number | string) => number | string | undefined {
  const known = new Map<number | string, number | string | undefined>();
  // A name that two images have says nothing; an id comes before any name.
  const add = (name: number | string, id: number | string): void =>
    void known.set(name, known.has(name) ? undefined : id);
  for (const { id, file } of images)
    for (const name of new Set([file, basename(file), basename(file, extname(file))])) {
      add(name, id);
      if (/^\d{1,15}$/.test(name)) add(Number(name), id);
    }
  for (const { id } of images) known.set(id, id);
  return (given) => known.get(given);
}

function rowOf(given: unknown, file: string, i: number): Row {
  const { image_id: image, category_id: category, bbox, score } = isObject(given) ? given : {};
  const isBox = Array.isArray(bbox) && bbox.length === 4 && bbox.every((side) => Number.isFinite(side));
  if ((typeof image === 'number' || typeof image === 'string') && typeof category === 'number' && isBox)
    if (typeof score === 'number' && Number.isFinite(score))
      return { image, category, bbox: bbox as unknown as Row['bbox'], score };
  throw new KdError(
    'DATA_INVALID',
    `${file}, row ${i}: ${shown(given)} is no detection; it needs image_id, category_id, a bbox of four numbers (x, y, width, height) and a score.`,
  );
}

async function readList(file: string): Promise<readonly unknown[]> {
  const list = await readGivenJson(file, 'the detections');
  if (Array.isArray(list)) return list;
  throw new KdError(
    'DATA_INVALID',
    `${file} is no results file of COCO: it holds ${shown(list)}, where a list of detections is wanted (kd predict --coco writes one).`,
  );
}
