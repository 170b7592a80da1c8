import { oneOf, only } from '../support/index.js';

/** A record of a case's config of which every key must be read: one that nobody knows is told by name. */
export interface Reader {
  /** The value as it is; without a default the key must be there. */
  value<T>(key: string, byDefault?: T): T;
  /** A value that a test can map. */
  oneOf<const T>(key: string, known: readonly T[], byDefault?: T): T;
  /** What our functions have one value of; a key that is not there has mmdetection's default, the same. */
  only(key: string, ours: unknown): void;
  /** A record in it, read whole. */
  record<T>(key: string, read: (reader: Reader) => T): T;
  /** The same of one that may be absent. */
  optional<T>(key: string, read: (reader: Reader) => T): T | undefined;
  /** A list of records, each read whole; a single record is a list of one. */
  records<T>(key: string, read: (reader: Reader) => T): T[];
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @throws by the name of what is missing, not known, or read by nobody */
export function readAll<T>(what: string, given: unknown, read: (reader: Reader) => T): T {
  if (!isRecord(given)) throw new Error(`${what} is ${JSON.stringify(given)}, not a record`);
  const seen = new Set<string>();
  const at = (key: string): string => `${what}.${key}`;
  const take = (key: string): unknown => {
    seen.add(key);
    return given[key];
  };
  const reader: Reader = {
    value<V>(key: string, byDefault?: V): V {
      const found = take(key) ?? byDefault;
      if (found === undefined) throw new Error(`the case has no ${at(key)}`);
      return found as V;
    },
    oneOf: (key, known, byDefault) => oneOf(at(key), take(key) ?? byDefault, known),
    only: (key, ours) => only(at(key), take(key) ?? ours, ours),
    record: (key, inner) => readAll(at(key), take(key), inner),
    optional: (key, inner) => (given[key] === undefined ? undefined : readAll(at(key), take(key), inner)),
    records: (key, inner) => [take(key)].flat().map((one, i) => readAll(`${at(key)}[${i}]`, one, inner)),
  };
  const result = read(reader);
  const unread = Object.keys(given).filter((key) => !seen.has(key));
  if (unread.length > 0) throw new Error(`${unread.map(at).join(', ')}: no test can map this to an option`);
  return result;
}
