import type { StandardSchemaV1 } from '@standard-schema/spec';
import { KdError } from './errors.js';
import { inheritedKeys } from './inherited-keys.js';

/** Validates options by any Standard Schema; every issue is told with its path. */
export function parseOptions<T>(schema: StandardSchemaV1<unknown, T>, options: unknown, what: string): T {
  const result = schema['~standard'].validate(options);
  if (result instanceof Promise)
    throw new KdError('PLUGIN_INVALID', `${what}: its options schema is asynchronous; use one that validates at once.`);
  const inherited = inheritedKeys(options).map((path) => `  ${path}: there is no such option`);
  if (result.issues || inherited.length > 0) {
    const lines = [...inherited, ...(result.issues ?? []).map((issue) => `  ${pathOf(issue)}${issue.message}`)];
    throw new KdError('CONFIG_INVALID', [`${what}: the options are not valid:`, ...lines]);
  }
  return result.value;
}

function pathOf(issue: StandardSchemaV1.Issue): string {
  const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
  return path === '' ? '' : `${path}: `;
}
