import type { ByteSource } from './byte-source.js';
import { type Fail, pickleInput } from './pickle-input.js';
import { storageOf } from './persistent-storage.js';
import { isTuple, type PickleValue, type TorchStorage } from './pickle-value.js';
import { readStoredAt, type StoredAt, storedAt } from './stored-at.js';
import { TORCH_DTYPES } from './torch-dtypes.js';
import { pickleError, type TorchFile, torchError } from './torch-file.js';
import { unpickle } from './unpickle.js';

/** What the first pickle of such a file holds. */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

/**
 * What torch wrote before 1.6, and mmdetection's publishing script still does: five pickles in a row (magic number,
 * version, machine, the object, names of the storages), then the storages in the order of these names, each as the
 * number of its elements in 8 bytes and its bytes.
 */
export function openLegacy(source: ByteSource): TorchFile {
  const { where, size } = source;
  const input = pickleInput((into, position) => void source.read(into, position), 0, size);
  const storages = new Map<string, TorchStorage>();
  const persistent = (id: PickleValue, fail: Fail): PickleValue => {
    // A class of a module that was saved whole, with its source.
    if (isTuple(id) && id.items[0] === 'module') return id.items[1] ?? null;
    const storage = storageOf(id, fail);
    const before = storages.get(storage.key);
    if (before !== undefined && before.dtype !== storage.dtype)
      fail(`storage ${storage.key} is of ${before.dtype} and of ${storage.dtype}: it is damaged`);
    storages.set(storage.key, storage);
    return storage;
  };
  const next = (what: string): PickleValue => unpickle(input, pickleError(where, `the file, in ${what}`), persistent);

  if (next('its first pickle') !== MAGIC)
    throw torchError(
      where,
      'it is a pickle, but not one that torch.save wrote',
      'Read it in Python, and save the weights as safetensors.',
    );
  const version = next('its version');
  if (version !== PROTOCOL)
    throw torchError(
      where,
      `its version is ${String(version)} instead of ${PROTOCOL}`,
      'Save it with another version of torch.',
    );
  next('what it says of its machine');
  const value = next('the pickle of the object');
  const keys = next('the names of its storages');
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string'))
    throw torchError(where, 'the names of its storages are no list of texts');

  const places = new Map<string, StoredAt>();
  let position = input.position;
  for (const key of keys) {
    const storage = storages.get(key);
    if (storage === undefined) throw torchError(where, `it has a storage ${key} that nothing refers to: it is damaged`);
    const place = storedAt(source, position, TORCH_DTYPES[storage.dtype]!.bytes, size, `storage ${key}`);
    places.set(key, place);
    position = place.end;
  }
  return {
    container: 'legacy',
    value,
    size,
    readStorage: (storage, room) => readStoredAt(source, places.get(storage.key), storage, room),
  };
}
