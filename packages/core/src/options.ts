import type { StandardSchemaV1 } from '@standard-schema/spec';
import { isKdError, KdError, messageOf } from './errors.js';
import { issueWords } from './issue-words.js';
import { unseenFaults } from './unseen-faults.js';

/** Validates options by any Standard Schema; every issue is told with its path. */
export function parseOptions<T>(schema: StandardSchemaV1<unknown, T>, options: unknown, what: string): T {
  const result = validated(schema, options, what);
  if (result instanceof Promise)
    throw new KdError('PLUGIN_INVALID', `${what}: its options schema is asynchronous; use one that validates at once.`);
  if (typeof result !== 'object' || result === null)
    throw new KdError(
      'PLUGIN_INVALID',
      `${what}: its options schema returned ${String(result)}; a Standard Schema returns { value } or { issues }.`,
    );
  const unseen = unseenFaults(schema, options, 'option');
  if (result.issues || unseen.length > 0) {
    const lines = [
      ...unseen,
      ...(result.issues ?? []).map((issue) => `  ${pathOf(issue)}${issueWords(issue, schema, 'option')}`),
    ];
    throw new KdError('CONFIG_INVALID', [`${what}: the options are not valid:`, ...lines]);
  }
  return result.value;
}

function validated<T>(
  schema: StandardSchemaV1<unknown, T>,
  options: unknown,
  what: string,
): ReturnType<StandardSchemaV1<unknown, T>['~standard']['validate']> {
  try {
    return schema['~standard'].validate(options);
  } catch (cause) {
    // Options in options: of a backbone that a detector's schema reads.
    if (isKdError(cause)) throw cause;
    throw new KdError('PLUGIN_INVALID', `${what}: its options schema threw: ${messageOf(cause)}`.split('\n'), {
      cause,
    });
  }
}

const keysOf = ({ path = [] }: StandardSchemaV1.Issue): string[] =>
  path.map((part) => String(typeof part === 'object' ? part.key : part));

function pathOf(issue: StandardSchemaV1.Issue): string {
  const path = keysOf(issue).join('.');
  return path === '' ? '' : `${path}: `;
}
