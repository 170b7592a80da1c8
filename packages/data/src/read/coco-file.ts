import { KdError } from '@kd/core';
import { readJson } from './json.js';

/** What a COCO instances file holds, checked for form and for references; boxes as they stand. */
export interface CocoFile {
  readonly categories: readonly { readonly id: number; readonly name: string }[];
  readonly images: readonly CocoImage[];
  readonly annotations: readonly CocoAnnotation[];
}

export interface CocoImage {
  readonly id: number | string;
  readonly file: string;
  /** null: not declared. */
  readonly size: { readonly width: number; readonly height: number } | null;
}

export interface CocoAnnotation {
  readonly id: number;
  readonly image: number | string;
  readonly category: number;
  /** [x, y, w, h] */
  readonly bbox: readonly [number, number, number, number];
  readonly area: number | null;
  readonly crowd: boolean;
}

type Entry = Readonly<Record<string, unknown>>;

/**
 * Reads a COCO instances file (cocodataset.org, "Data format").
 * @throws KdError DATA_INVALID naming the file and the id
 */
export async function readCocoFile(file: string): Promise<CocoFile> {
  const { value, nanLine } = await readJson(file);
  const [images, annotations, categories] = lists(value, file);
  const fail = (what: string, why: string): never => {
    throw new KdError('DATA_INVALID', `${file}: ${what}: ${why}.`);
  };
  const read = {
    categories: categories.map((entry, i) => category(entry, `categories[${i}]`, fail)),
    images: images.map((entry, i) => image(entry, `images[${i}]`, fail)),
    annotations: annotations.map((entry, i) => annotation(entry, `annotations[${i}]`, fail)),
  };
  unique(read.categories, 'category', fail);
  unique(read.images, 'image', fail);
  unique(read.annotations, 'annotation', fail);
  const names = new Map<string, number>();
  for (const { id, name } of read.categories) {
    if (names.has(name))
      fail(`categories ${names.get(name)} and ${id}`, `both have the name "${name}"; names must differ`);
    names.set(name, id);
  }
  const imageIds = new Set(read.images.map(({ id }) => id));
  const categoryIds = new Set(read.categories.map(({ id }) => id));
  for (const { id, image, category } of read.annotations) {
    if (!imageIds.has(image)) fail(`annotation ${id}`, `image_id ${show(image)} is not in "images"`);
    if (!categoryIds.has(category)) fail(`annotation ${id}`, `category_id ${show(category)} is not in "categories"`);
  }
  if (nanLine !== null)
    throw new KdError(
      'DATA_INVALID',
      `${file}, line ${nanLine}: NaN and Infinity are not JSON; write a number or leave the key out.`,
    );
  return read;
}

type Fail = (what: string, why: string) => never;

function lists(value: unknown, file: string): [Entry[], Entry[], Entry[]] {
  const wanted = 'a COCO instances file is an object with the lists "images", "annotations" and "categories"';
  if (Array.isArray(value))
    throw new KdError('DATA_INVALID', `${file} holds a list, as files of detection results do; ${wanted}.`);
  if (!isObject(value)) throw new KdError('DATA_INVALID', `${file} holds ${show(value)}; ${wanted}.`);
  const missing = ['images', 'annotations', 'categories'].filter((key) => !Array.isArray(value[key]));
  if (missing.length > 0) {
    throw new KdError(
      'DATA_INVALID',
      `${file}: ${missing.map((key) => `"${key}"`).join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing or no list (its keys: ${Object.keys(value).join(', ') || 'none'}); ${wanted}.`,
    );
  }
  return [value.images, value.annotations, value.categories] as [Entry[], Entry[], Entry[]];
}

function category(entry: unknown, place: string, fail: Fail): CocoFile['categories'][number] {
  if (!isObject(entry)) return fail(place, `an object is wanted, there is ${show(entry)}`);
  const { id, name } = entry;
  if (!isId(id)) return fail(place, `"id" must be a whole number, there is ${show(id)}`);
  if (typeof name !== 'string' || name.trim() === '')
    return fail(`category ${id}`, `"name" must be a text, there is ${show(name)}`);
  return { id, name };
}

function image(entry: unknown, place: string, fail: Fail): CocoImage {
  if (!isObject(entry)) return fail(place, `an object is wanted, there is ${show(entry)}`);
  const { id, file_name: file, width, height } = entry;
  if (!isId(id) && (typeof id !== 'string' || id === ''))
    return fail(place, `"id" must be a whole number or a text, there is ${show(id)}`);
  if (typeof file !== 'string' || file === '')
    return fail(`image ${id}`, `"file_name" must be a text, there is ${show(file)}`);
  if (width === undefined && height === undefined) return { id, file, size: null };
  if (!isSide(width) || !isSide(height))
    return fail(
      `image ${id}`,
      `"width" and "height" must be whole numbers above 0, there are ${show(width)} and ${show(height)}`,
    );
  return { id, file, size: { width, height } };
}

function annotation(entry: unknown, place: string, fail: Fail): CocoAnnotation {
  if (!isObject(entry)) return fail(place, `an object is wanted, there is ${show(entry)}`);
  const { id, image_id: image, category_id: category, bbox, area, iscrowd } = entry;
  if (!isId(id)) return fail(place, `"id" must be a whole number, there is ${show(id)}`);
  const what = `annotation ${id}`;
  if (!isId(image) && typeof image !== 'string')
    return fail(what, `"image_id" is ${show(image)}; the id of an image is wanted`);
  if (!isId(category)) return fail(what, `"category_id" is ${show(category)}; the id of a category is wanted`);
  if (!isBbox(bbox))
    return fail(what, `"bbox" must be [x, y, width, height], four finite numbers, there is ${show(bbox)}`);
  if (area !== undefined && (typeof area !== 'number' || !Number.isFinite(area) || area < 0))
    return fail(what, `"area" must be a finite number of at least 0, there is ${show(area)}`);
  if (iscrowd !== undefined && iscrowd !== 0 && iscrowd !== 1 && typeof iscrowd !== 'boolean')
    return fail(what, `"iscrowd" must be 0 or 1, there is ${show(iscrowd)}`);
  return { id, image, category, bbox, area: area ?? null, crowd: Boolean(iscrowd) };
}

function unique(entries: readonly { readonly id: number | string }[], what: string, fail: Fail): void {
  const seen = new Set<number | string>();
  for (const { id } of entries) {
    if (seen.has(id)) fail(`${what} ${id}`, 'this id occurs twice; ids must differ');
    seen.add(id);
  }
}

const isObject = (value: unknown): value is Entry =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isId = (value: unknown): value is number => Number.isSafeInteger(value);
const isSide = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
const isBbox = (value: unknown): value is CocoAnnotation['bbox'] =>
  Array.isArray(value) && value.length === 4 && value.every((v) => typeof v === 'number' && Number.isFinite(v));
const show = (value: unknown): string =>
  value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value)).slice(0, 80);
