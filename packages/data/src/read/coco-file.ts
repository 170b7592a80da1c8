import { type Annotation, isObject, KdError, shown } from '@kd/core/plain';
import { attempt, type TellFault } from './faults.js';
import { type CocoAnnotation, CocoAnnotations, groupRows, Numbering, repeatedIds } from './coco-annotations.js';
import { isSide, nanFault } from './json.js';
import { type JsonLists, readJsonLists } from './json-lists.js';

/** What a COCO instances file holds, checked for form and for references; boxes as they stand. */
export interface CocoFile {
  readonly categories: readonly { readonly id: number; readonly name: string }[];
  readonly images: readonly CocoImage[];
  /** Ids of all annotations. */
  annotationIds(): Float64Array;
  /** Says what the annotations of an image come to, which is kept instead of them; null: one is left out. */
  settle(place: number, make: (annotation: CocoAnnotation) => Annotation | null): void;
  /** What they came to, made when it is asked for. @param place of the image in the list */
  annotationsOf(place: number): readonly Annotation[];
}

export interface CocoImage {
  readonly id: number | string;
  readonly file: string;
  /** null: not declared. */
  readonly size: { readonly width: number; readonly height: number } | null;
  /** What "width" and "height" say where they declare none, though they are there. */
  readonly noSize: string | null;
}

/**
 * Reads a COCO instances file (cocodataset.org, "Data format").
 * @param tell takes what is wrong with single entries, which are left out
 * @throws KdError DATA_INVALID naming the file
 */
export async function readCocoFile(file: string, tell: TellFault): Promise<CocoFile> {
  const fail = (what: string, why: string): never => {
    throw new KdError('DATA_INVALID', `${file}: ${what}: ${why}.`);
  };
  const raw = await readLists(file, fail);
  let faults = 0;
  const count = (fault: KdError): void => {
    faults++;
    tell(fault);
  };
  /** What is right in itself goes on to be looked at beside the others; the rest is told. */
  const each = <T>(list: readonly (T | KdError)[], check: (entry: T) => void): void => {
    for (const entry of list)
      if (entry instanceof KdError) count(entry);
      else attempt(count, () => check(entry));
  };
  const categories = new Map<number, Category>();
  const names = new Map<string, number>();
  each(raw.categories, (one) => {
    once(categories, one.id, 'category', fail);
    if (names.has(one.name))
      fail(`categories ${names.get(one.name)} and ${one.id}`, `both have the name "${one.name}"; names must differ`);
    names.set(one.name, one.id);
    categories.set(one.id, one);
  });
  const images: CocoImage[] = [];
  /** By the number of the image's id. */
  const places: number[] = [];
  each(raw.images, (one) => {
    const number = raw.imageIds.of(one.id);
    if (places[number] !== undefined) fail(`image ${one.id}`, 'this id occurs twice; ids must differ');
    places[number] = images.length;
    images.push(one);
  });
  const { rows, faults: annotationFaults } = raw.annotations;
  const repeated = repeatedIds(rows.ids());
  const seen = new Set<number>();
  /** The place of the image of each row; -1 where the row is left out. */
  const imageOf = new Int32Array(rows.count).fill(-1);
  let told = 0;
  for (let row = 0; row <= rows.count; row++) {
    for (; annotationFaults[told]?.row === row; told++) count(annotationFaults[told]!.fault);
    if (row === rows.count) break;
    attempt(count, () => {
      const [id, image, category] = [rows.idOf(row), rows.imageOf(row), rows.categoryOf(row)];
      if (repeated.has(id)) {
        once(seen, id, 'annotation', fail);
        seen.add(id);
      }
      const place = places[image];
      if (place === undefined)
        return fail(`annotation ${id}`, `image_id ${shown(raw.imageIds.ids[image])} is not in "images"`);
      if (!categories.has(category)) fail(`annotation ${id}`, `category_id ${shown(category)} is not in "categories"`);
      imageOf[row] = place;
    });
  }
  if (raw.nanLine !== null && faults === 0) tell(nanFault(file, raw.nanLine));
  return { categories: [...categories.values()], images, ...annotationsIn(rows, groupRows(imageOf, images.length)) };
}

/** Apart from what reads the file, so that nothing else of it is kept. */
const annotationsIn = (
  rows: CocoAnnotations,
  grouped: ReturnType<typeof groupRows>,
): Pick<CocoFile, 'annotationIds' | 'settle' | 'annotationsOf'> => ({
  annotationIds: () => new Float64Array(grouped.rows.length).map((_, i) => rows.idOf(grouped.rows[i]!)),
  settle: (place, make) => {
    for (const row of grouped.of(place)) rows.settle(row, make(rows.at(row)));
  },
  annotationsOf: (place) => {
    const settled: Annotation[] = [];
    for (const row of grouped.of(place)) {
      const annotation = rows.settled(row);
      if (annotation !== null) settled.push(annotation);
    }
    return settled;
  },
});

type Category = CocoFile['categories'][number];

/** The entries of the three lists, each by itself, in the order of the file; a fault stands for one that is wrong. */
interface RawLists {
  readonly categories: (Category | KdError)[];
  readonly images: (CocoImage | KdError)[];
  /** Of the images that annotations name, and of those there are. */
  readonly imageIds: Numbering;
  readonly annotations: {
    readonly rows: CocoAnnotations;
    /** Those that are wrong, each with the number of rows before it. */
    readonly faults: { readonly row: number; readonly fault: KdError }[];
  };
  readonly nanLine: number | null;
}

/** Of every entry no more is kept than is used: polygons take most of a file. */
async function readLists(file: string, fail: Fail): Promise<RawLists> {
  const annotations: RawLists['annotations'] = { rows: new CocoAnnotations(), faults: [] };
  const imageIds = new Numbering();
  const lists: Pick<RawLists, 'categories' | 'images'> = { categories: [], images: [] };
  const found = await readJsonLists(file, (key, entry, i) => {
    const add = <T>(list: (T | KdError)[], read: (entry: unknown, place: Place, fail: Fail) => T): void => {
      const one = attempt(
        (fault) => void list.push(fault),
        () => read(entry, { key, i }, fail),
      );
      if (one !== null) list.push(one);
    };
    if (key === 'categories') add(lists.categories, category);
    else if (key === 'images') add(lists.images, image);
    else if (key === 'annotations')
      attempt(
        (fault) => void annotations.faults.push({ row: annotations.rows.count, fault }),
        () => addAnnotation(annotations.rows, imageIds, entry, { key, i }, fail),
      );
  });
  checkLists(found, file);
  return { ...lists, imageIds, annotations, nanLine: found.nanLine };
}

type Fail = (what: string, why: string) => never;

/** A list of the file and a place in it, from 0. */
interface Place {
  readonly key: string;
  readonly i: number;
}

function checkLists(found: JsonLists | { readonly value: unknown }, file: string): asserts found is JsonLists {
  const wanted = 'a COCO instances file is an object with the lists "images", "annotations" and "categories"';
  if ('value' in found) {
    if (Array.isArray(found.value))
      throw new KdError('DATA_INVALID', `${file} holds a list, as files of detection results do; ${wanted}.`);
    throw new KdError('DATA_INVALID', `${file} holds ${shown(found.value)}; ${wanted}.`);
  }
  const missing = ['images', 'annotations', 'categories'].filter((key) => !found.lists.has(key));
  if (missing.length > 0) {
    throw new KdError(
      'DATA_INVALID',
      `${file}: ${missing.map((key) => `"${key}"`).join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing or no list (its keys: ${found.keys.join(', ') || 'none'}); ${wanted}.`,
    );
  }
}

function category(entry: unknown, place: Place, fail: Fail): Category {
  if (!isObject(entry)) return fail(`${place.key}[${place.i}]`, `an object is wanted, there is ${shown(entry)}`);
  const { id, name } = entry;
  if (!isId(id)) return fail(`${place.key}[${place.i}]`, `"id" must be a whole number, there is ${shown(id)}`);
  if (typeof name !== 'string' || name.trim() === '')
    return fail(`category ${id}`, `"name" must be a text, there is ${shown(name)}`);
  return { id, name };
}

function image(entry: unknown, place: Place, fail: Fail): CocoImage {
  if (!isObject(entry)) return fail(`${place.key}[${place.i}]`, `an object is wanted, there is ${shown(entry)}`);
  const { id, file_name: file, width, height } = entry;
  if (!isId(id) && (typeof id !== 'string' || id === ''))
    return fail(`${place.key}[${place.i}]`, `"id" must be a whole number or a text, there is ${shown(id)}`);
  if (typeof file !== 'string' || file === '')
    return fail(`image ${id}`, `"file_name" must be a text, there is ${shown(file)}`);
  if (isSide(width) && isSide(height)) return { id, file, size: { width, height }, noSize: null };
  if (width === undefined && height === undefined) return { id, file, size: null, noSize: null };
  const said = `"width" and "height" are ${shown(width)} and ${shown(height)}`;
  if (![width, height].every((side) => isSide(side) || side === 0 || side === null || side === undefined))
    return fail(`image ${id}`, `${said}; whole numbers above 0 are wanted`);
  return { id, file, size: null, noSize: said };
}

function addAnnotation(rows: CocoAnnotations, imageIds: Numbering, entry: unknown, place: Place, fail: Fail): void {
  if (!isObject(entry)) return fail(`${place.key}[${place.i}]`, `an object is wanted, there is ${shown(entry)}`);
  const { id, image_id: image, category_id: category, bbox, area, iscrowd } = entry;
  if (!isId(id)) return fail(`${place.key}[${place.i}]`, `"id" must be a whole number, there is ${shown(id)}`);
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
  const crowd = Boolean(iscrowd);
  rows.add({ id, position: place.i + 1, category, bbox, area: area ?? null, crowd }, imageIds.of(image));
}

function once<Id>(seen: { has(id: Id): boolean }, id: Id, what: string, fail: Fail): void {
  if (seen.has(id)) fail(`${what} ${String(id)}`, 'this id occurs twice; ids must differ');
}

const isId = (value: unknown): value is number => Number.isSafeInteger(value);
const isBbox = (value: unknown): value is CocoAnnotation['bbox'] =>
  Array.isArray(value) && value.length === 4 && value.every((v) => typeof v === 'number' && Number.isFinite(v));
