import { unwrapped } from './schema-node.js';

/**
 * Paths of lists where a schema has an object or a record, '' for the whole: schemas take an empty list for an object
 * without keys, and fill in every default; and any list for a record with the keys 0, 1 and so on.
 */
export function listsForObjects(schema: unknown, value: unknown, path = ''): string[] {
  const { entries, type, value: each } = unwrapped(schema, value);
  if ((entries === undefined && type !== 'record') || typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return [path];
  const inner = entries === undefined ? Object.keys(value).map((key) => [key, each] as const) : Object.entries(entries);
  return inner.flatMap(([key, entry]) =>
    listsForObjects(entry, (value as Record<string, unknown>)[key], path === '' ? key : `${path}.${key}`),
  );
}
