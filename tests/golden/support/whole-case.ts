import { expect } from 'vitest';

/** Keys that describe a case, at any depth, or that decide which test runs it; what they say changes no number. */
const DESCRIPTIVE = new Set([
  ...['id', 'name', 'kind', 'method', 'op', 'file'],
  ...['note', 'adapterNote', 'description', 'about', 'rule', 'scope', 'confirmed', 'selfChecks', 'official_check'],
  // How the generator drew the inputs, which are stored, and what it measured on the way.
  ...['seed', 'gt_counts', 'controls', 'dead_channel', 'smallestMargin', 'fp32Reference', 'gradMaxAbs', 'max_abs'],
  ...['analyticVsAutogradMaxAbs', 'fp32'],
]);

/** What a test looks up by name, and compares as a whole: reading it is enough. */
const TABLES = new Set(['inputs', 'expected', 'outputs', 'cotangents', 'grads', 'losses', 'parts', 'gt', 'if_wrong']);

/**
 * Runs a test on a case that remembers what is read of it, and fails by name where a key stays unread: a parameter
 * that nobody reads could have any value.
 * @param elsewhere paths that other tests of the same case read, `params.ratios`
 */
export async function readWhole<Case extends object>(
  one: Case,
  run: (one: Case) => void | Promise<void>,
  elsewhere: readonly string[] = [],
): Promise<void> {
  const read = new Set<string>();
  await run(watched(one, '', read));
  const leftOut = (path: string): boolean => elsewhere.some((one) => path === one || path.startsWith(`${one}.`));
  const unread = pathsOf(one).filter((path) => !read.has(path) && !leftOut(path));
  expect(unread, 'keys of the case that no test reads').toEqual([]);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function watched<T extends object>(value: T, path: string, read: Set<string>): T {
  return new Proxy(value, {
    get(target, key, receiver) {
      const found: unknown = Reflect.get(target, key, receiver);
      if (typeof key !== 'string') return found;
      const at = path === '' ? key : `${path}.${key}`;
      read.add(at);
      return isRecord(found) && !TABLES.has(key) ? watched(found, at, read) : found;
    },
  });
}

/** Every key that must be read: those of records within the case, down to what is none. */
function pathsOf(value: Record<string, unknown> | object, path = ''): string[] {
  return Object.entries(value)
    .filter(([key]) => !DESCRIPTIVE.has(key))
    .flatMap(([key, one]: [string, unknown]) => {
      const at = path === '' ? key : `${path}.${key}`;
      return isRecord(one) && !TABLES.has(key) ? pathsOf(one, at) : [at];
    });
}
