import { type Category, KdError } from '@kd/core/plain';
import { chooseCategories } from './choose-categories.js';
import { numbered } from './class-names.js';
import type { Correction } from './correction.js';

/** Categories of one annotations file. */
export interface FileCategories {
  readonly file: string;
  readonly categories: readonly Category[];
}

/**
 * The categories of one or several files, which match by name, in the order of the labels. Their ids are those of the
 * first file that has them; where two would have one id, they are counted from 1.
 * @throws KdError DATA_INVALID where the files have not the same names and `classes` does not say which are meant
 */
export function mergeCategories(
  files: readonly FileCategories[],
  given: readonly string[] | undefined,
  wanted: readonly string[] | undefined,
): readonly Category[] {
  if (given === undefined) checkSameNames(files);
  const byName = new Map<string, Category>();
  for (const { categories } of files)
    for (const one of categories) if (!byName.has(one.name)) byName.set(one.name, one);
  const names = files.map(({ file }) => file).join(', ');
  const chosen = chooseCategories([...byName.values()], given, wanted, names);
  const distinct = new Set(chosen.map(({ id }) => id)).size === chosen.length;
  return distinct ? chosen : numbered(chosen.map(({ name }) => name));
}

function checkSameNames([first, ...others]: readonly FileCategories[]): void {
  const only = (one: FileCategories, other: FileCategories): string[] => {
    const has = new Set(other.categories.map(({ name }) => name));
    const missing = one.categories.flatMap(({ name }) => (has.has(name) ? [] : [`"${name}"`]));
    return missing.length === 0 ? [] : [`only ${one.file} has ${missing.join(', ')}`];
  };
  for (const other of others) {
    const differ = [...only(first!, other), ...only(other, first!)];
    if (differ.length > 0)
      throw new KdError(
        'DATA_INVALID',
        `${other.file}: its categories are not those of ${first!.file}: ${differ.join('; ')}. Files of one set have the same category names; correct the names, or say with \`classes\` which are to be learned.`,
      );
  }
}

/** What is told of files that have no category of a name that `classes` asks for. */
export const lackingCategories = (
  files: readonly FileCategories[],
  chosen: readonly Category[],
): readonly Correction[] =>
  files.flatMap(({ file, categories }) => {
    const has = new Set(categories.map(({ name }) => name));
    const missing = chosen.flatMap(({ name }) => (has.has(name) ? [] : [`"${name}"`]));
    const why = `it has no category ${missing.join(', ')}, so that nothing in its pictures is one`;
    return missing.length === 0 ? [] : [{ file, annotation: null, action: 'noted' as const, why }];
  });

/**
 * Ids of several files as ids of one set: as they stand where no two files share one, else 1, 2, … in the order of the
 * files and, within a file, of its ids (numbers before texts).
 */
export function jointIds(
  files: readonly (readonly (number | string)[])[],
): (part: number, id: number | string) => number | string {
  if (files.length === 1) return (_, id) => id;
  if (files.every((ids) => ids.every((id) => typeof id === 'number'))) {
    const joint = jointNumbers(files.map((ids) => Float64Array.from(ids as number[])));
    return (part, id) => joint(part, id as number);
  }
  const seen = new Set<number | string>();
  const clash = files.some((ids) => ids.some((id) => seen.size === seen.add(id).size));
  if (!clash) return (_, id) => id;
  let next = 1;
  const numbers = files.map((ids) => new Map([...ids].sort(ascending).map((id) => [id, next++])));
  return (part, id) => numbers[part]!.get(id)!;
}

/**
 * As {@link jointIds}, for numbers by the millions: as lists outside of the heap.
 * @param files ids of each, sorted in place
 */
export function jointNumbers(files: readonly Float64Array[]): (part: number, id: number) => number {
  if (!clash(files)) return (_, id) => id;
  let count = 0;
  const starts = files.map((ids) => {
    ids.sort();
    count += ids.length;
    return count - ids.length;
  });
  return (part, id) => starts[part]! + placeIn(files[part]!, id) + 1;
}

function clash(files: readonly Float64Array[]): boolean {
  const all = new Float64Array(files.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const ids of files) {
    all.set(ids, at);
    at += ids.length;
  }
  return all.sort().some((id, i) => id === all[i - 1]);
}

/** Of a number in a sorted list, from 0. */
function placeIn(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function ascending(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  return a < b ? -1 : 1;
}
