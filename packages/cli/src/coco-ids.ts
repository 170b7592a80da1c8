import { basename, extname, resolve, sep } from 'node:path';
import { type Category, isObject, KdError } from '@kd/core';
import type { CocoDetection } from '@kd/metrics';
import type { Found } from './detect-images.js';
import { readGivenJson } from './read-given-json.js';

/** The ids that results in COCO's form have for images and classes. */
export interface CocoIds {
  /** Ids of images by their files; those of other files are not wanted. */
  readonly images: ReadonlyMap<string, number | string>;
  /** Ids of classes by their labels. */
  readonly categories: readonly number[];
  /** Images whose ids are their names, as no annotations say which they are. */
  readonly named: boolean;
}

/**
 * The ids of an instances file, by the names of files and classes; without one, the numbers that all files are called
 * by, as COCO's are, else their names, and the ids that the model has for its classes.
 * @throws KdError USAGE for an image that comes twice, DATA_INVALID for annotations that have none of the images
 */
export async function cocoIds(
  files: readonly string[],
  categories: readonly Category[],
  annotations: string | undefined,
): Promise<CocoIds> {
  if (annotations !== undefined) return idsOf(await readInstances(annotations), files, categories, annotations);
  const names = files.map((file) => basename(file, extname(file)));
  const named = !names.every((name) => /^\d{1,15}$/.test(name)) || new Set(names.map(Number)).size < names.length;
  return {
    images: once(files.map((file, i) => [file, named ? names[i]! : Number(names[i])])),
    categories: categories.map(({ id }) => id),
    named,
  };
}

/** Rows of a results file: boxes as x, y, width and height; nine digits bring a 32-bit float back. */
export const cocoRows = (image: number | string, found: readonly Found[], categories: readonly number[]): CocoRow[] =>
  found.map(({ box: [x1, y1, x2, y2], label, score }) => ({
    image_id: image,
    category_id: categories[label]!,
    bbox: [short(x1), short(y1), short(x2 - x1), short(y2 - y1)],
    score: short(score),
  }));

export type CocoRow = Omit<CocoDetection, 'image_id'> & { readonly image_id: number | string };

/** A row a line. */
export const cocoResults = (rows: readonly CocoRow[]): string =>
  rows.length === 0 ? '[]\n' : `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`;

const short = (value: number): number => Number(value.toPrecision(9));

interface Instances {
  readonly images: readonly { readonly id: number | string; readonly file_name: string }[];
  readonly categories: readonly Category[];
}

function idsOf(instances: Instances, files: readonly string[], categories: readonly Category[], from: string): CocoIds {
  const ids = new Map(instances.categories.map(({ id, name }) => [name, id]));
  const missing = categories.find(({ name }) => !ids.has(name));
  if (missing !== undefined)
    throw new KdError(
      'DATA_INVALID',
      `${from} has no category "${missing.name}", which the model finds; it has ${[...ids.keys()].join(', ')}. Name the annotations that the model was trained for.`,
    );
  const byName = new Map<string, Instances['images'][number][]>();
  for (const image of instances.images) {
    const name = basename(image.file_name);
    byName.set(name, [...(byName.get(name) ?? []), image]);
  }
  const images = files.flatMap((file): (readonly [string, number | string])[] => {
    const found = (byName.get(basename(file)) ?? [])
      .filter(({ file_name }) => `${sep}${resolve(file)}`.endsWith(`${sep}${file_name}`))
      .sort((a, b) => b.file_name.length - a.file_name.length)[0];
    return found === undefined ? [] : [[file, found.id]];
  });
  if (images.length === 0)
    throw new KdError(
      'DATA_INVALID',
      `${from} has none of the ${files.length} images, the first of which is ${files[0]}; its first is called ${instances.images[0]?.file_name ?? 'nothing'}. Name its images, or other annotations.`,
    );
  return { images: once(images), categories: categories.map(({ name }) => ids.get(name)!), named: false };
}

/** @throws KdError USAGE where two files have one id */
function once(images: readonly (readonly [string, number | string])[]): Map<string, number | string> {
  const seen = new Map<number | string, string>();
  for (const [file, id] of images) {
    const other = seen.get(id);
    if (other !== undefined)
      throw new KdError(
        'USAGE',
        other === file
          ? `${file} is named twice, and results of COCO would count what is found on it twice; name each image once.`
          : `${other} and ${file} are both image ${id} in results of COCO; ${typeof id === 'string' ? 'say with --annotations which images they are, or give them names of their own' : 'name one of them'}.`,
      );
    seen.set(id, file);
  }
  return new Map(images);
}

async function readInstances(file: string): Promise<Instances> {
  const found = await readGivenJson(file, 'the annotations');
  const isId = (id: unknown): boolean => typeof id === 'number' || typeof id === 'string';
  const listed = (key: string, text: string): boolean =>
    isObject(found) &&
    Array.isArray(found[key]) &&
    found[key].every((one: unknown) => isObject(one) && isId(one['id']) && typeof one[text] === 'string');
  if (!listed('images', 'file_name') || !listed('categories', 'name'))
    throw new KdError(
      'DATA_INVALID',
      `${file} is no instances file of COCO: it needs images with id and file_name, and categories with id and name.`,
    );
  return found as unknown as Instances;
}
