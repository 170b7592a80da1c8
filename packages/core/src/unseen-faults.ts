import { inheritedKeys } from './inherited-keys.js';
import { listsForObjects } from './lists-for-objects.js';

/**
 * What a schema takes without a word and nobody means, a line each.
 * @param noun what its keys are called
 */
export const unseenFaults = (schema: unknown, value: unknown, noun: 'key' | 'option'): string[] => [
  ...inheritedKeys(value).map((path) => `  ${path}: there is no such ${noun}`),
  ...listsForObjects(schema, value).map(
    (path) => `  ${path === '' ? '' : `${path}: `}must be an object { … }; got a list [ … ]`,
  ),
];
