import { KdError, shown } from '@kd/core/plain';
import { attempt, type TellFault } from './faults.js';
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
  /** What "width" and "height" say where they declare none, though they are there. */
  readonly noSize: string | null;
}

export interface CocoAnnotation {
  readonly id: number;
  /** 1-based, in the list of the file. */
  readonly position: number;
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
 * @param tell takes what is wrong with single entries, which are left out
 * @throws KdError DATA_INVALID naming the file
 */
export async function readCocoFile(file: string, tell: TellFault): Promise<CocoFile> {
  const { value, nanLine } = await readJson(file);
  const [images, annotations, categories] = lists(value, file);
  let faults = 0;
  const fail = (what: string, why: string): never => {
    throw new KdError('DATA_INVALID', `${file}: ${what}: ${why}.`);
  };
  const entries = <T>(
    list: readonly unknown[],
    key: string,
    read: (entry: unknown, place: string, i: number) => T,
  ): T[] => list.flatMap((entry, i) => attempt(count, () => read(entry, `${key}[${i}]`, i)) ?? []);
  const count = (fault: KdError): void => {
    faults++;
    tell(fault);
  };
  const [categoryIds, imageIds, annotationIds] = [new Set<number>(), new Set<number | string>(), new Set<number>()];
  const names = new Map<string, number>();
  const read = {
    categories: entries(categories, 'categories', (entry, place) => {
      const one = category(entry, place, fail);
      once(categoryIds, one.id, 'category', fail);
      if (names.has(one.name))
        fail(`categories ${names.get(one.name)} and ${one.id}`, `both have the name "${one.name}"; names must differ`);
      names.set(one.name, one.id);
      return one;
    }),
    images: entries(images, 'images', (entry, place) => {
      const one = image(entry, place, fail);
      once(imageIds, one.id, 'image', fail);
      return one;
    }),
    annotations: entries(annotations, 'annotations', (entry, place, i) => {
      const one = { ...annotation(entry, place, fail), position: i + 1 };
      once(annotationIds, one.id, 'annotation', fail);
      if (!imageIds.has(one.image)) fail(`annotation ${one.id}`, `image_id ${shown(one.image)} is not in "images"`);
      if (!categoryIds.has(one.category))
        fail(`annotation ${one.id}`, `category_id ${shown(one.category)} is not in "categories"`);
      return one;
    }),
  };
  if (nanLine !== null && faults === 0)
    tell(
      new KdError(
        'DATA_INVALID',
        `${file}, line ${nanLine}: NaN and Infinity are not JSON; write a number or leave the key out.`,
      ),
    );
  return read;
}

type Fail = (what: string, why: string) => never;

function lists(value: unknown, file: string): [Entry[], Entry[], Entry[]] {
  const wanted = 'a COCO instances file is an object with the lists "images", "annotations" and "categories"';
  if (Array.isArray(value))
    throw new KdError('DATA_INVALID', `${file} holds a list, as files of detection results do; ${wanted}.`);
  if (!isObject(value)) throw new KdError('DATA_INVALID', `${file} holds ${shown(value)}; ${wanted}.`);
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
  if (!isObject(entry)) return fail(place, `an object is wanted, there is ${shown(entry)}`);
  const { id, name } = entry;
  if (!isId(id)) return fail(place, `"id" must be a whole number, there is ${shown(id)}`);
  if (typeof name !== 'string' || name.trim() === '')
    return fail(`category ${id}`, `"name" must be a text, there is ${shown(name)}`);
  return { id, name };
}

function image(entry: unknown, place: string, fail: Fail): CocoImage {
  if (!isObject(entry)) return fail(place, `an object is wanted, there is ${shown(entry)}`);
  const { id, file_name: file, width, height } = entry;
  if (!isId(id) && (typeof id !== 'string' || id === ''))
    return fail(place, `"id" must be a whole number or a text, there is ${shown(id)}`);
  if (typeof file !== 'string' || file === '')
    return fail(`image ${id}`, `"file_name" must be a text, there is ${shown(file)}`);
  if (isSide(width) && isSide(height)) return { id, file, size: { width, height }, noSize: null };
  if (width === undefined && height === undefined) return { id, file, size: null, noSize: null };
  const said = `"width" and "height" are ${shown(width)} and ${shown(height)}`;
  if (![width, height].every((side) => isSide(side) || side === 0 || side === null || side === undefined))
    return fail(`image ${id}`, `${said}; whole numbers above 0 are wanted`);
  return { id, file, size: null, noSize: said };
}

function annotation(entry: unknown, place: string, fail: Fail): Omit<CocoAnnotation, 'position'> {
  if (!isObject(entry)) return fail(place, `an object is wanted, there is ${shown(entry)}`);
  const { id, image_id: image, category_id: category, bbox, area, iscrowd } = entry;
  if (!isId(id)) return fail(place, `"id" must be a whole number, there is ${shown(id)}`);
  const what = `annotation ${id}`;
  if (!isId(image) && typeof image !== 'string')
    return fail(what, `"image_id" is ${shown(image)}; the id of an image is wanted`);
  if (!isId(category)) return fail(what, `"category_id" is ${shown(category)}; the id of a category is wanted`);
  if (!isBbox(bbox))
    return fail(what, `"bbox" must be [x, y, width, height], four finite numbers, there is ${shown(bbox)}`);
  if (area !== undefined && (typeof area !== 'number' || !Number.isFinite(area) || area < 0))
    return fail(what, `"area" must be a finite number of at least 0, there is ${shown(area)}`);
  if (iscrowd !== undefined && iscrowd !== 0 && iscrowd !== 1 && typeof iscrowd !== 'boolean')
    return fail(what, `"iscrowd" must be 0 or 1, there is ${shown(iscrowd)}`);
  return { id, image, category, bbox, area: area ?? null, crowd: Boolean(iscrowd) };
}

function once<Id extends number | string>(seen: Set<Id>, id: Id, what: string, fail: Fail): void {
  if (seen.has(id)) fail(`${what} ${id}`, 'this id occurs twice; ids must differ');
  seen.add(id);
}

const isObject = (value: unknown): value is Entry =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isId = (value: unknown): value is number => Number.isSafeInteger(value);
const isSide = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
const isBbox = (value: unknown): value is CocoAnnotation['bbox'] =>
  Array.isArray(value) && value.length === 4 && value.every((v) => typeof v === 'number' && Number.isFinite(v));
