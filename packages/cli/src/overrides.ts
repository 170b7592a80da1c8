import { defaultAt, KdError } from '@kd/core';

export interface Overrides {
  readonly epochs?: unknown;
  readonly seed?: unknown;
  /** `key=value`, once or several times. */
  readonly set?: unknown;
  /** Of a study, one of its runs. */
  readonly run?: unknown;
}

/** A config with what the command line sets; the rest of it stays the same objects. @throws KdError USAGE */
export function withOverrides<T extends object>(config: T, { epochs, seed, set }: Overrides): T {
  const pairs: [string, unknown][] = [];
  if (epochs !== undefined) pairs.push(['epochs', epochs]);
  if (seed !== undefined) pairs.push(['seed', seed]);
  for (const text of [set ?? []].flat()) pairs.push(parsePair(String(text)));
  return pairs.reduce<T>(
    (changed, [path, value]) => put(changed, path.split('.'), value, `--set ${path}`) as T,
    config,
  );
}

/**
 * A part of a config over a whole one, by the same rules. An object that says what it is (`name`, `format`, `weights`)
 * replaces what is there, any other is laid over it key by key.
 * @param where what an error calls it
 */
export const laidOver = <T extends object>(config: T, part: object, where: string): T =>
  leavesOf(part).reduce<T>(
    (changed, [path, value]) => put(changed, path, value, `${where}.${path.join('.')}`, [], 'CONFIG_INVALID') as T,
    config,
  );

const leavesOf = (part: object, before: readonly string[] = []): (readonly [readonly string[], unknown])[] =>
  Object.entries(part).flatMap(([key, value]: [string, unknown]) =>
    isPart(value) ? leavesOf(value, [...before, key]) : [[[...before, key], value] as const],
  );

const isPart = (value: unknown): value is object =>
  typeof value === 'object' &&
  value !== null &&
  Object.getPrototypeOf(value) === Object.prototype &&
  !['name', 'format', 'weights', 'definition'].some((key) => key in value);

function parsePair(text: string): [string, unknown] {
  const at = text.indexOf('=');
  if (at <= 0) throw new KdError('USAGE', `--set ${text}: expected key=value, such as --set optimizer.lr=0.02`);
  return [text.slice(0, at), parseValue(text.slice(at + 1))];
}

/** JSON where it is JSON, else the text itself. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** What a path starts from: a key that is not there holds its default, and a name stands for itself with options. */
function startOf(node: unknown, key: string, before: readonly string[]): unknown {
  const start = node === undefined ? defaultAt(before) : node;
  return typeof start === 'string' && key === '1' ? [start, {}] : start;
}

function put(
  given: unknown,
  [key, ...rest]: readonly string[],
  value: unknown,
  path: string,
  before: readonly string[] = [],
  code: 'USAGE' | 'CONFIG_INVALID' = 'USAGE',
): unknown {
  if (key === undefined) return value;
  const node = startOf(given, key, before);
  const deeper = (inner: unknown): unknown => put(inner, rest, value, path, [...before, key], code);
  if (Array.isArray(node)) {
    const index = Number(key);
    if (!Number.isInteger(index) || index < 0 || index > node.length)
      throw new KdError(code, `${path}: "${key}" is no place in a list of ${node.length}.`);
    return Object.assign([...node], { [index]: deeper(node[index]) });
  }
  if (node !== undefined && node !== null && typeof node !== 'object')
    throw new KdError(code, `${path}: there is nothing under ${JSON.stringify(node)} that "${key}" could name.`);
  const record = (node ?? {}) as Readonly<Record<string, unknown>>;
  return { ...record, [key]: deeper(Object.hasOwn(record, key) ? record[key] : undefined) };
}

/** The overrides among the options of a command. */
export const overridesOf = ({ epochs, seed, set, run }: Overrides): Overrides => ({
  ...(epochs === undefined ? {} : { epochs }),
  ...(seed === undefined ? {} : { seed }),
  ...(set === undefined ? {} : { set: [set].flat() }),
  ...(run === undefined ? {} : { run }),
});

/** What of them a file holds, read as if a person had typed it. */
export function overridesIn(value: unknown): Overrides {
  const { epochs, seed, set, run } = (value ?? {}) as Overrides;
  return overridesOf({
    ...(typeof epochs === 'number' ? { epochs } : {}),
    ...(typeof seed === 'number' ? { seed } : {}),
    ...(Array.isArray(set) ? { set: set.filter((pair) => typeof pair === 'string') } : {}),
    ...(typeof run === 'string' ? { run } : {}),
  });
}

/** Whether they name a detector, distiller or engine, and not only its options. */
export const selectsCode = ({ set }: Overrides): boolean =>
  [set ?? []]
    .flat()
    .some((pair) =>
      /^(student|(teacher|teachers(\.[\w-]+)?)(\.detector)?|distillers(\.\d+)?|engine)(\.0)?=/.test(String(pair)),
    );

/** As they would be typed again. */
export const overrideWords = ({ epochs, seed, set, run }: Overrides): string =>
  [
    ...(run === undefined ? [] : [`--run ${String(run)}`]),
    ...(epochs === undefined ? [] : [`--epochs ${String(epochs)}`]),
    ...(seed === undefined ? [] : [`--seed=${String(seed)}`]),
    ...[set ?? []].flat().map((pair) => `--set '${String(pair).replaceAll("'", "'\\''")}'`),
  ]
    .map((word) => ` ${word}`)
    .join('');
