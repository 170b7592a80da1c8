import { isObject } from './is-object.js';

/**
 * Options with what follows from others, or from the models, worked in, so that a run's record holds what it ran with.
 * Only what the schema knows, and JSON can hold, is taken: a record is to be run again.
 * @param schema of the options; where it does not list its keys (one that is not valibot's), nothing is worked in
 * @param given options as the schema gave them: what they say stays
 */
export function withDerived(schema: unknown, given: unknown, derived: unknown): unknown {
  const entries = entriesOf(schema);
  if (entries === undefined || !isObject(given) || !isObject(derived)) return given;
  const filled = Object.entries(entries).flatMap(([key, entry]): [string, unknown][] => {
    const [own, found] = [given[key], derived[key]];
    if (own !== undefined) return [[key, withDerived(entry, own, found)]];
    return found === undefined || !isPlain(found) ? [] : [[key, found]];
  });
  return { ...given, ...Object.fromEntries(filled) };
}

type Entries = Readonly<Record<string, unknown>>;

/** The keys of a valibot object, also inside of `optional`, `nullable` and `pipe`. */
export function entriesOf(schema: unknown): Entries | undefined {
  let node = schema as { readonly wrapped?: unknown; readonly entries?: Entries } | undefined;
  while (node?.wrapped !== undefined) node = node.wrapped as typeof node;
  return node?.entries;
}

/** Comes out of JSON as it went in. */
const isPlain = (value: unknown): boolean =>
  typeof value === 'number'
    ? Number.isFinite(value)
    : typeof value === 'object' && value !== null
      ? Object.values(value).every(isPlain)
      : ['string', 'boolean'].includes(typeof value) || value === null || value === undefined;
