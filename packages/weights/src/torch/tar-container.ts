import type { ByteSource } from './byte-source.js';
import { type Fail, type PickleInput, pickleInput } from './pickle-input.js';
import { dtypeOfStorage, TORCH_DTYPES } from './torch-dtypes.js';
import { isGlobal, isTuple, type PickleValue, type TorchStorage, type TorchTensor } from './pickle-value.js';
import { readStoredAt, type StoredAt, storedAt } from './stored-at.js';
import { type TarEntry, tarEntries } from './tar-entries.js';
import { pickleError, type TorchFile, torchError } from './torch-file.js';
import { unpickle } from './unpickle.js';

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/**
 * What torch wrote before 0.1.10: an archive (tar) with the entries `storages` (their number, then of each its key,
 * device and class, and its elements; then which are parts of others), `tensors` (their number, then of each its key,
 * storage and class, and sides, strides and offset), and `pickle`, which refers to both by key.
 */
export function openTar(source: ByteSource): TorchFile {
  const { where, size } = source;
  const entries = tarEntries(source);
  const objects = new Map<number, TorchStorage | TorchTensor>();
  const places = new Map<string, StoredAt>();
  const open = (name: string): Reader => {
    const entry = entries.get(name);
    if (entry === undefined)
      throw torchError(
        where,
        `it is an archive (tar) without the entry "${name}" that torch wrote before 0.1.10`,
        'Where the weights lie in it as a file, unpack it first.',
      );
    return reader(source, entry, name);
  };

  const storages = open('storages');
  for (let left = storages.count(); left > 0; left--) {
    const [key, , type] = storages.tuple();
    const dtype = isGlobal(type) ? dtypeOfStorage(type.name) : undefined;
    if (dtype === undefined || !isCount(key)) return storages.fail('a storage has no key, or is of an unknown kind');
    const element = TORCH_DTYPES[dtype]!.bytes;
    const place = storedAt(source, storages.input.position, element, storages.end, `storage ${key}`);
    storages.input.position = place.end;
    places.set(String(key), place);
    const elements = (place.end - place.start) / element;
    objects.set(key, { kind: 'storage', key: String(key), dtype, elements, start: 0 });
  }
  const parts = storages.next();
  for (const part of Array.isArray(parts) ? parts : []) {
    const [key, root, start, elements] = isTuple(part) ? part.items : [];
    const whole = isCount(root) ? objects.get(root) : undefined;
    if (whole?.kind !== 'storage' || !isCount(key) || !isCount(start) || !isCount(elements))
      return storages.fail('a part of a storage does not say of which');
    objects.set(key, { ...whole, start: whole.start + start, elements });
  }

  const tensors = open('tensors');
  for (let left = tensors.count(); left > 0; left--) {
    const [key, of] = tensors.tuple();
    const storage = isCount(of) ? objects.get(of) : undefined;
    if (storage?.kind !== 'storage' || !isCount(key)) return tensors.fail('a tensor has no key, or no storage');
    // The number of sides took 8 bytes once; the upper four were never written.
    const rank = tensors.input.take(8, tensors.fail).readInt32LE(0);
    if (rank < 0 || rank > 64) return tensors.fail(`a tensor has ${rank} sides`);
    const [shape, strides] = [tensors.longs(rank), tensors.longs(rank)];
    const [offset] = tensors.longs(1) as [number];
    const last = shape.includes(0) ? -1 : shape.reduce((at, side, axis) => at + (side - 1) * strides[axis]!, offset);
    if (last >= storage.elements)
      return tensors.fail(`a tensor reaches to element ${last} of a storage of ${storage.elements}: it is damaged`);
    objects.set(key, { kind: 'tensor', dtype: storage.dtype, shape, strides, offset, storage });
  }

  const persistent = (id: PickleValue, fail: Fail): PickleValue =>
    // A class with its source, or a key.
    isTuple(id) ? (id.items[0] ?? null) : (objects.get(Number(id)) ?? fail('it refers to a tensor that is not there'));
  const value = open('pickle').next(persistent);
  return {
    container: 'tar',
    value,
    size,
    readStorage: (storage, room) => readStoredAt(source, places.get(storage.key), storage, room),
  };
}

interface Reader {
  readonly input: PickleInput;
  readonly end: number;
  readonly fail: Fail;
  /** The next pickle. */
  next(persistent?: (id: PickleValue, fail: Fail) => PickleValue): PickleValue;
  tuple(): readonly PickleValue[];
  count(): number;
  /** Whole numbers of 8 bytes. */
  longs(count: number): number[];
}

function reader(source: ByteSource, { start, end }: TarEntry, name: string): Reader {
  const input = pickleInput((into, position) => void source.read(into, position), start, end);
  const tell = pickleError(source.where, `the file, in its entry "${name}"`);
  const fail: Fail = (why, advice) => {
    throw tell(input.position, why, advice);
  };
  const made: Reader = {
    input,
    end,
    fail,
    next: (persistent) => unpickle(input, tell, persistent),
    tuple() {
      const value = made.next();
      return isTuple(value) ? value.items : fail('a tuple is wanted: it is damaged');
    },
    count() {
      const value = made.next();
      return isCount(value) ? value : fail('a number of entries is wanted: it is damaged');
    },
    longs: (count) =>
      Array.from({ length: count }, () => {
        const value = Number(input.take(8, fail).readBigInt64LE(0));
        return isCount(value) ? value : fail('a whole number is wanted: it is damaged');
      }),
  };
  return made;
}
