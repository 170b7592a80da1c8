/**
 * What a pickle holds, as data. Dicts are maps, so that a key like `__proto__` is one key among others; what is neither
 * data nor a tensor stays a record of its name and arguments: no class is looked up and nothing is called.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | Set<PickleValue>
  | PyTuple
  | PyGlobal
  | PyRecord
  | TorchStorage
  | TorchTensor;

export interface PyTuple {
  readonly kind: 'tuple';
  readonly items: readonly PickleValue[];
}

/** A class or function, by its name. */
export interface PyGlobal {
  readonly kind: 'global';
  /** With its module: `collections.OrderedDict`. */
  readonly name: string;
}

/** What a class or function would have made of the arguments. */
export interface PyRecord {
  readonly kind: 'record';
  readonly name: string;
  readonly args: readonly PickleValue[];
  state: PickleValue;
  /** Where it is a kind of list or set. */
  readonly items: PickleValue[];
  /** Where it is a kind of dict. */
  readonly entries: Map<PickleValue, PickleValue>;
}

/** Numbers in a file, without their bytes. */
export interface TorchStorage {
  readonly kind: 'storage';
  /** Its name in the container. */
  readonly key: string;
  readonly dtype: string;
  readonly elements: number;
  /** Where a part of a storage begins in it, in elements. */
  readonly start: number;
}

/** A view of a storage. Sides, strides and offset are in elements of `dtype`. */
export interface TorchTensor {
  readonly kind: 'tensor';
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  /** Null for a tensor whose elements do not lie in one storage. */
  readonly storage: TorchStorage | null;
  /** `quantised` or `sparse`, say, where its elements are not simply numbers. */
  readonly special?: string;
}

export const kindOf = (value: PickleValue): string =>
  value === null
    ? 'None'
    : Array.isArray(value)
      ? 'a list'
      : value instanceof Map
        ? 'a dict'
        : value instanceof Set
          ? 'a set'
          : value instanceof Uint8Array
            ? 'bytes'
            : typeof value === 'object'
              ? value.kind === 'record' || value.kind === 'global'
                ? value.name
                : `a ${value.kind}`
              : `a ${typeof value}`;

export const isTuple = (value: PickleValue | undefined): value is PyTuple => hasKind(value, 'tuple');
export const isGlobal = (value: PickleValue | undefined): value is PyGlobal => hasKind(value, 'global');
export const isRecord = (value: PickleValue | undefined): value is PyRecord => hasKind(value, 'record');
export const isStorage = (value: PickleValue | undefined): value is TorchStorage => hasKind(value, 'storage');
export const isTensor = (value: PickleValue | undefined): value is TorchTensor => hasKind(value, 'tensor');

const hasKind = (value: PickleValue | undefined, kind: string): boolean =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
