import { entriesOf } from './derived-options.js';

/**
 * Paths of lists where a schema has an object, '' for the whole: schemas take an empty list for an object without keys,
 * and fill in every default.
 */
export function listsForObjects(schema: unknown, value: unknown, path = ''): string[] {
  const entries = entriesOf(schema);
  if (entries === undefined || typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return [path];
  return Object.entries(entries).flatMap(([key, entry]) =>
    listsForObjects(entry, (value as Record<string, unknown>)[key], path === '' ? key : `${path}.${key}`),
  );
}
