import { expect } from 'vitest';

/** Keys that describe a case, at any depth, or that decide which test runs it; what they say changes no number. */
const DESCRIPTIVE = new Set([
  ...['id', 'name', 'kind', 'method', 'op', 'file'],
  ...['note', 'adapterNote', 'description', 'about', 'rule', 'scope', 'confirmed', 'selfChecks', 'official_check'],
  'made_with',
  // How the generator drew the inputs, which are stored, and what it measured on the way.
  ...['seed', 'gt_counts', 'controls', 'dead_channel', 'smallestMargin', 'fp32Reference', 'gradMaxAbs', 'max_abs'],
  ...['analyticVsAutogradMaxAbs', 'fp32', 'torch_seed', 'perturbation', 'trials', 'trajectory_rel_change'],
  ...['gradient_rel_change', 'grad_norm_f64_rel_diff_max', 'f64_rel_diff'],
]);

/** What a test looks up by name, and compares as a whole: reading it is enough. */
const TABLES = new Set([
  ...['inputs', 'expected', 'outputs', 'cotangents', 'grads', 'losses', 'parts', 'gt', 'if_wrong'],
  ...['losses_f64', 'grad_norms', 'final_weight_norms', 'gradients', 'entries'],
]);

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
  const { watched, unread } = watchCase(one);
  await run(watched);
  expect(unread(elsewhere), 'keys of the case that no test reads').toEqual([]);
}

/** A case that remembers what is read of it, for several tests together. */
export function watchCase<Case extends object>(
  one: Case,
): { readonly watched: Case; unread(elsewhere?: readonly string[]): string[] } {
  const read = new Set<string>();
  return {
    watched: watch(one, '', read),
    unread(elsewhere = []) {
      const leftOut = (path: string): boolean => elsewhere.some((one) => path === one || path.startsWith(`${one}.`));
      return pathsOf(one).filter((path) => !read.has(path) && !leftOut(path));
    },
  };
}

/** A record, or a list with records in it. */
const isNested = (value: unknown): value is object =>
  Array.isArray(value) ? value.some(isNested) : typeof value === 'object' && value !== null;

function watch<T extends object>(value: T, path: string, read: Set<string>): T {
  return new Proxy(value, {
    get(target, key, receiver) {
      const found: unknown = Reflect.get(target, key, receiver);
      if (typeof key !== 'string') return found;
      const at = path === '' ? key : `${path}.${key}`;
      read.add(at);
      return isNested(found) && !TABLES.has(key) ? watch(found, at, read) : found;
    },
  });
}

/** Every key that must be read: those of records within the case, also in lists, down to what is none. */
function pathsOf(value: object, path = ''): string[] {
  return Object.entries(value)
    .filter(([key]) => !DESCRIPTIVE.has(key))
    .flatMap(([key, one]: [string, unknown]) => {
      const at = path === '' ? key : `${path}.${key}`;
      return isNested(one) && !TABLES.has(key) ? pathsOf(one, at) : [at];
    });
}
