import { isTensor, isTuple, type PickleValue, type TorchTensor } from './pickle-value.js';

/** A pickle of a few bytes can name itself a million times over; no model has as many tensors, or as deep. */
const MOST = 1 << 18;
const DEEPEST = 64;

export interface FlatTensors {
  /** By name, those of an inner dict or list with `/` between. */
  readonly tensors: Map<string, TorchTensor>;
  /** Names of what is no tensor and holds none. */
  readonly others: readonly string[];
}

/** All tensors of a state dict. What refers to itself is read once. @throws by `fail` */
export function flatTensors(value: PickleValue, fail: (why: string) => never): FlatTensors {
  const tensors = new Map<string, TorchTensor>();
  const others: string[] = [];
  const above = new Set<PickleValue>();
  let visited = 0;
  const visit = (one: PickleValue, path: readonly string[]): void => {
    if (++visited > MOST) fail(`it holds more than ${MOST} values where the weights are`);
    if (path.length > DEEPEST) fail(`its weights lie more than ${DEEPEST} dicts deep`);
    const name = path.join('/');
    if (isTensor(one)) {
      if (tensors.has(name)) fail(`it has two tensors "${name}"`);
      tensors.set(name, one);
      return;
    }
    const inner = innerOf(one);
    if (inner === undefined) others.push(name);
    else if (!above.has(one)) {
      above.add(one);
      for (const [key, below] of inner) visit(below, [...path, key]);
      above.delete(one);
    }
  };
  visit(value, []);
  return { tensors, others };
}

function innerOf(value: PickleValue): readonly (readonly [string, PickleValue])[] | undefined {
  if (value instanceof Map) return [...value].map(([key, below]) => [keyText(key), below]);
  if (Array.isArray(value)) return value.map((below, i) => [String(i), below]);
  return isTuple(value) ? value.items.map((below, i) => [String(i), below]) : undefined;
}

/** The key of a dict in words: state dicts have texts, a few lists of weights numbers. */
export const keyText = (key: PickleValue): string => (typeof key === 'object' && key !== null ? '?' : String(key));
