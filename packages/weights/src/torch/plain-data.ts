import { keyText } from './flat-tensors.js';
import type { PickleValue, PyRecord } from './pickle-value.js';

/** What can be written as JSON. */
export type PlainData = null | boolean | number | string | readonly PlainData[] | { readonly [key: string]: PlainData };

/** More than what a training says of itself. */
const MOST = 100_000;
const DEEPEST = 100;

/**
 * What a pickle holds as plain data. Text stays text; bytes become base64, and an object of Python is told by its name
 * and what it was made of: `{ "python": "datetime.date", "args": [2024, 1, 1] }`.
 */
export function plainData(value: PickleValue): PlainData {
  const above = new Set<PickleValue>();
  let count = 0;
  const within = (one: PickleValue, read: () => PlainData): PlainData => {
    if (above.has(one)) return '… (it refers to itself)';
    if (above.size > DEEPEST) return '… (too deep)';
    above.add(one);
    const result = read();
    above.delete(one);
    return result;
  };
  const dict = (entries: Iterable<readonly [string, PlainData]>): PlainData => {
    // Without a prototype, so that `__proto__` is a key.
    const result = Object.create(null) as Record<string, PlainData>;
    for (const [key, below] of entries) result[key] = below;
    return result;
  };
  const list = (items: Iterable<PickleValue>): PlainData => [...items].map(plain);
  const record = ({ name, args, state, items, entries }: PyRecord): PlainData =>
    dict([
      ['python', name],
      ...(args.length > 0 ? [['args', list(args)] as const] : []),
      ...(state !== null ? [['state', plain(state)] as const] : []),
      ...(items.length > 0 ? [['items', list(items)] as const] : []),
      ...(entries.size > 0 ? [['entries', plain(entries)] as const] : []),
    ]);
  function plain(one: PickleValue): PlainData {
    if (++count > MOST) return '… (more than can be shown)';
    if (one === null || typeof one === 'boolean' || typeof one === 'string') return one;
    if (typeof one === 'number') return Number.isFinite(one) ? one : String(one);
    if (typeof one === 'bigint') return String(one);
    if (one instanceof Uint8Array) return { bytes: Buffer.from(one).toString('base64') };
    if (Array.isArray(one) || one instanceof Set) return within(one, () => list(one));
    if (one instanceof Map)
      return within(one, () => dict([...one].map(([key, below]) => [keyText(key), plain(below)] as const)));
    switch (one.kind) {
      case 'tuple':
        return within(one, () => list(one.items));
      case 'record':
        return within(one, () => record(one));
      case 'global':
        return { python: one.name };
      case 'storage':
        return { storage: one.dtype, elements: one.elements };
      case 'tensor':
        return { tensor: one.dtype, shape: one.shape };
    }
  }
  return plain(value);
}
