import { KdError, type ResolvedConfig } from '@kd/core';
import { parseJson } from './data-argument.js';

/** `coco`, or `["coco", { … }]`; undefined where none is given. @throws KdError USAGE */
export function metricArgument(text: unknown): ResolvedConfig['evaluate']['metric'] | undefined {
  if (typeof text !== 'string' || !text.trimStart().startsWith('['))
    return text === undefined ? undefined : String(text);
  return namedWithOptions(text, '--metric');
}

/** `["name", { options }]` of the command line. @throws KdError USAGE */
export function namedWithOptions(text: string, flag: string): [string, Record<string, unknown>] {
  const [name, options, ...more] = parseJson(text, flag) as unknown[];
  if (
    typeof name !== 'string' ||
    typeof options !== 'object' ||
    options === null ||
    Array.isArray(options) ||
    more.length > 0
  )
    throw new KdError('USAGE', `${flag} ${text}: expected a name, or ["name", { options }].`);
  return [name, options as Record<string, unknown>];
}
