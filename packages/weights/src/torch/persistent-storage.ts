import type { Fail } from './pickle-input.js';
import { isGlobal, isTuple, kindOf, type PickleValue, type TorchStorage } from './pickle-value.js';
import { dtypeOfStorage } from './torch-dtypes.js';

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** The storage that `('storage', class, key, device, elements, view)` stands for. */
export function storageOf(id: PickleValue, fail: Fail): TorchStorage {
  const [word, type, key, , elements, view] = isTuple(id) ? id.items : [];
  if (word !== 'storage') return fail(`it refers to ${isTuple(id) ? 'another thing than a storage' : kindOf(id)}`);
  const dtype = isGlobal(type) ? dtypeOfStorage(type.name) : undefined;
  if (dtype === undefined)
    return fail(
      `a storage is of the unknown kind ${type === undefined ? 'none' : kindOf(type)}`,
      'Convert the tensors to float32 in torch.',
    );
  if (typeof key !== 'string' && typeof key !== 'number') return fail('a storage has no name: it is damaged');
  if (!isCount(elements)) return fail(`storage ${key} has no number of elements: it is damaged`);
  const whole: TorchStorage = { kind: 'storage', key: String(key), dtype, elements, start: 0 };
  if (view === undefined || view === null) return whole;
  const [, start, length] = isTuple(view) ? view.items : [];
  if (!isCount(start) || !isCount(length) || start + length > elements)
    return fail(`a part of storage ${key} does not lie in it: it is damaged`);
  return { ...whole, elements: length, start };
}
