import { KdError, suggestion } from './errors.js';
import { isObject } from './is-object.js';

/** What a member of a definition must be; with `?` it may be left out. */
type Kind = 'function' | 'text' | 'number' | 'object' | 'list' | 'schema' | 'set';
export type Members = Readonly<Record<string, Kind | `${Kind}?`>>;

const is: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  function: (value) => typeof value === 'function',
  text: (value) => typeof value === 'string' && value !== '',
  number: (value) => typeof value === 'number' && Number.isFinite(value),
  object: isObject,
  list: (value) => Array.isArray(value),
  schema: (value) =>
    typeof (value as { '~standard'?: { validate?: unknown } } | undefined | null)?.['~standard']?.validate ===
    'function',
  set: (value) => value instanceof Set,
};

/**
 * Options of a function that programs call: the name of one may be misspelt where no compiler looks.
 * @param what begins the message, `tensorflow()`
 * @throws KdError USAGE
 */
export function checkOptions(options: object, known: readonly string[], what: string): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const meant = suggestion(unknown, known);
  throw new KdError(
    'USAGE',
    `${what} has no option "${unknown}"; ${meant === '' ? 'it' : `${meant} It`} has ${known.join(', ')}.`,
  );
}

/** An argument of a function that programs call. @throws KdError USAGE */
export function checkText(value: unknown, what: string): void {
  if (!is.text(value)) throw new KdError('USAGE', `${what} must be ${WORDS.text}; got ${named(value)}.`);
}

const WORDS: Readonly<Record<Kind, string>> = {
  function: 'a function',
  text: 'a text that is not empty',
  number: 'a number',
  object: 'an object',
  list: 'a list',
  schema: 'a Standard Schema (of valibot, zod, …)',
  set: 'a Set',
};

/**
 * Looks at what somebody else's code gave before anything of it is called: a member that is missing would end in an
 * error that names neither.
 * @param what begins the message, `detector "mine" of kd-mine 1.0.0`
 * @throws KdError with the code, naming every member that is missing or is something else
 */
export function checkMembers(
  value: unknown,
  members: Members,
  what: string,
  code: 'PLUGIN_INVALID' | 'PLUGIN_HOOK' | 'USAGE' = 'PLUGIN_INVALID',
): void {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null)
    throw new KdError(code, `${what} must be an object with ${known(members)}; got ${named(value)}.`);
  const wrong = Object.entries(members).flatMap(([name, member]) => {
    const kind = member.replace('?', '') as Kind;
    const own = (value as Readonly<Record<string, unknown>>)[name];
    if (is[kind](own) || (own === undefined && member.endsWith('?'))) return [];
    return [`${name} ${own === undefined ? 'is missing' : `is ${named(own)}`}; it must be ${WORDS[kind]}`];
  });
  if (wrong.length > 0) throw new KdError(code, `${what} cannot be used: ${wrong.join('; ')}.`);
}

const known = (members: Members): string =>
  Object.entries(members)
    .filter(([, kind]) => !kind.endsWith('?'))
    .map(([name]) => name)
    .join(', ');

const named = (value: unknown): string =>
  value === null
    ? 'null'
    : value === undefined
      ? 'undefined'
      : Array.isArray(value)
        ? 'a list'
        : typeof value === 'object'
          ? 'an object'
          : typeof value === 'function'
            ? 'a function'
            : `the ${typeof value} ${JSON.stringify(String(value).slice(0, 40))}`;

const definition = { name: 'text', apiVersion: 'number', options: 'schema', create: 'function' } as const;

/** What the contract wants of each kind. */
export const MEMBERS = {
  detector: { ...definition, withStored: 'function?' },
  backbone: { ...definition, trainableLayers: 'number' },
  distiller: { ...definition, requires: 'object', untrained: 'text?' },
  teacher: definition,
  builtTeacher: {
    ...{ name: 'text', input: 'object', taps: 'list', fingerprint: 'text', forward: 'function', dispose: 'function' },
    ...{ categories: 'list?', parameters: 'number?', file: 'text?', config: 'object?' },
  },
  engine: { name: 'text', start: 'function', capabilities: 'function', runOp: 'function?' },
  capabilities: { kernels: 'set' },
  engineInfo: { name: 'text', backend: 'text', version: 'text', device: 'text', threads: 'number' },
  metric: { name: 'text', primary: 'text', evaluate: 'function', options: 'object?' },
  metricResult: { metrics: 'object', perClass: 'list' },
  source: { name: 'text', spec: 'object', open: 'function' },
  dataset: { name: 'text', categories: 'list', images: 'list', loader: 'function', missing: 'function?' },
  loader: { steps: 'number', epoch: 'function', stats: 'object', close: 'function', augment: 'list?' },
  listener: { name: 'text', on: 'function' },
  format: {
    ...{ name: 'text', extension: 'text', read: 'function', write: 'function' },
    ...{ thread: 'text?', importForeign: 'function?' },
  },
  pass: { run: 'function', use: 'function' },
  built: {
    ...{ name: 'text', capabilities: 'set', categories: 'list', input: 'object', taps: 'list', variables: 'list' },
    ...{ forward: 'function', priors: 'function', decode: 'function', assign: 'function', terms: 'function' },
    ...{ detect: 'function', dispose: 'function', config: 'object?', head: 'object?' },
    ...{ firstStage: 'object?', secondStage: 'object?' },
  },
} as const satisfies Readonly<Record<string, Members>>;
