import { suggestion } from '@kd/core';
import { flatTensors, type FlatTensors, keyText } from './flat-tensors.js';
import { isRecord, isTensor, kindOf, type PickleValue, type TorchTensor } from './pickle-value.js';
import { torchError } from './torch-file.js';

/** Where programs keep the weights in what they save, beside their optimisers and counters. */
const KEYS = [
  'state_dict',
  'model_state_dict',
  'model',
  'net',
  'network',
  'module',
  'weights',
  'params',
  'student',
  'teacher',
  'ema_state_dict',
  'model_ema_state_dict',
  'model_ema',
  'state_dict_ema',
  'ema_model',
  'ema',
  'params_ema',
];
/** What holds tensors, too, and is no model. */
const NO_WEIGHTS = /optim|sched|scaler|^meta$|message_hub|rng|random|^args$|hyper|hparams|loops|callback/i;

export interface FoundStateDict extends FlatTensors {
  /** Its key in what was saved; null where that is the state dict itself. */
  readonly key: string | null;
  readonly notes: readonly string[];
}

/**
 * Finds the weights in what was saved. mmengine averages weights by swapping: its `state_dict` holds the averaged ones,
 * `ema_state_dict` the raw ones.
 * @param key the person's choice
 * @throws KdError CHECKPOINT_INVALID where there are none, or several that differ
 */
export function findStateDict(saved: PickleValue, key: string | undefined, where: string): FoundStateDict {
  const flat = (value: PickleValue): FlatTensors =>
    flatTensors(value, (why) => {
      throw torchError(where, why);
    });
  if (key !== undefined) {
    const chosen = below(saved, key);
    if (chosen === undefined || flat(chosen).tensors.size === 0) throw noSuchKey(saved, key, where, flat);
    return { key, notes: [], ...flat(chosen) };
  }
  const candidates = stateDicts(saved);
  if (candidates.length === 0) {
    if (saved instanceof Map && [...saved.values()].some(isTensor)) return { key: null, notes: [], ...flat(saved) };
    throw torchError(where, `it holds no state dict: ${described(saved)}`, adviceFor(saved));
  }
  const found = candidates.map(([name, value]) => ({ key: name, ...flat(value) }));
  const [first, ...rest] = found;
  const others = rest.filter((one) => !sameTensors(first!, one));
  if (others.length === 0) return { notes: [], ...first! };
  if (first!.key === 'state_dict' && others.every((one) => one.key === 'ema_state_dict' && isSwapped(one)))
    return {
      ...first!,
      notes: [
        '"state_dict" was taken: mmengine keeps the averaged weights there; "ema_state_dict", the raw ones, can be chosen by key',
      ],
    };
  throw torchError(
    where,
    `it holds several state dicts that differ: ${listed([first!, ...others])}`,
    `Choose one by its key: ["${where}", { "key": "${first!.key}" }] in a config, --key ${first!.key} on the command line.`,
  );
}

/** By the well-known keys; without any of them, whatever looks like one. */
function stateDicts(saved: PickleValue): [key: string, value: PickleValue][] {
  if (!(saved instanceof Map)) return [];
  const known = KEYS.flatMap((key): [string, PickleValue][] => {
    const value = saved.get(key);
    return value !== undefined && holdsTensors(value) ? [[key, value]] : [];
  });
  if (known.length > 0 || [...saved.values()].some(isTensor)) return known;
  return [...saved].flatMap(([key, value]): [string, PickleValue][] =>
    typeof key === 'string' && !NO_WEIGHTS.test(key) && holdsTensors(value) ? [[key, value]] : [],
  );
}

const holdsTensors = (value: PickleValue): boolean => value instanceof Map && [...value.values()].some(isTensor);

/** What the hook of mmengine writes: the names of a wrapper, and a count of steps. */
const isSwapped = ({ tensors }: FlatTensors): boolean =>
  tensors.has('steps') || [...tensors.keys()].every((name) => name.startsWith('module.'));

const place = ({ storage, offset, shape, strides }: TorchTensor): string =>
  JSON.stringify([storage?.key, storage?.start, offset, shape, strides]);

const sameTensors = (a: FlatTensors, b: FlatTensors): boolean =>
  a.tensors.size === b.tensors.size &&
  [...a.tensors].every(([name, tensor]) => {
    const other = b.tensors.get(name);
    return other !== undefined && place(other) === place(tensor);
  });

const listed = (found: readonly { readonly key: string; readonly tensors: ReadonlyMap<string, unknown> }[]): string =>
  found.map(({ key, tensors }) => `"${key}" (${tensors.size} tensors)`).join(', ');

/** A value by its key, or by several with dots between. */
function below(saved: PickleValue, key: string): PickleValue | undefined {
  if (!(saved instanceof Map)) return undefined;
  if (saved.has(key)) return saved.get(key);
  const dot = key.indexOf('.');
  return dot === -1 ? undefined : below(saved.get(key.slice(0, dot)) ?? null, key.slice(dot + 1));
}

function noSuchKey(saved: PickleValue, key: string, where: string, flat: (value: PickleValue) => FlatTensors): Error {
  const found = stateDicts(saved).map(([name, value]) => ({ key: name, ...flat(value) }));
  if (found.length === 0)
    return torchError(
      where,
      `it has no weights under the key "${key}"`,
      `It holds ${described(saved)}. Leave key out.`,
    );
  const guess = suggestion(
    key,
    found.map((one) => one.key),
  );
  return torchError(
    where,
    `it has no weights under the key "${key}"`,
    [guess.replace(/^d/, 'D'), `There are ${listed(found)}.`].filter(Boolean).join(' '),
  );
}

function described(saved: PickleValue): string {
  if (!(saved instanceof Map)) return kindOf(saved);
  const keys = [...saved.keys()].map(keyText);
  return keys.length === 0
    ? 'an empty dict'
    : `a dict of ${keys.slice(0, 8).join(', ')}${keys.length > 8 ? `, … (${keys.length - 8} more)` : ''}`;
}

/** A model that was saved whole needs its class to be read; its weights alone do not. */
function adviceFor(saved: PickleValue): string {
  const whole = [saved, ...(saved instanceof Map ? saved.values() : [])].find(isRecord);
  return whole === undefined
    ? 'Save the weights in Python: torch.save(model.state_dict(), FILE).'
    : `It may hold a model that was saved whole, as an object of ${whole.name}; save its weights alone, in Python, where that class is: torch.save(model.state_dict(), FILE).`;
}
