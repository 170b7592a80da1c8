import type { Machine } from './pickle-machine.js';
import {
  isGlobal,
  isStorage,
  isTensor,
  isTuple,
  kindOf,
  type PickleValue,
  type PyRecord,
  type TorchTensor,
} from './pickle-value.js';
import { dtypeOfGlobal, TORCH_DTYPES } from './torch-dtypes.js';

/** What a known function makes of its arguments; undefined where they are none of its forms. */
type Constructor = (args: readonly PickleValue[], machine: Machine) => PickleValue | undefined;

/** Elements of what Python calls an iterable. */
const itemsOf = (value: PickleValue | undefined): readonly PickleValue[] | undefined =>
  Array.isArray(value) ? value : isTuple(value) ? value.items : value instanceof Set ? [...value] : undefined;

const dict: Constructor = ([given], machine) => {
  if (given === undefined) return new Map();
  if (given instanceof Map) {
    machine.spend(given.size);
    return new Map(given);
  }
  const made = new Map<PickleValue, PickleValue>();
  for (const pair of itemsOf(given) ?? []) {
    const [key, value] = itemsOf(pair) ?? [];
    if (key === undefined || value === undefined) return undefined;
    made.set(key, value);
    machine.spend(1);
  }
  return made;
};

const set: Constructor = ([given], machine) => {
  const items = given === undefined ? [] : itemsOf(given);
  machine.spend(items?.length ?? 0);
  return items && new Set(items);
};

/** Bytes as Python 3 writes them with protocol 2: as text of the characters 0 to 255. */
const fromLatin1: Constructor = ([text, encoding]) =>
  typeof text === 'string' && (encoding === 'latin1' || encoding === 'latin-1')
    ? new Uint8Array(Buffer.from(text, 'latin1'))
    : undefined;

const byteArray: Constructor = (args, machine) =>
  args.length === 0 ? new Uint8Array() : args[0] instanceof Uint8Array ? args[0] : fromLatin1(args, machine);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function sides(value: PickleValue | undefined, what: string, { fail }: Machine): readonly number[] {
  const items = itemsOf(value);
  if (items === undefined || items.length > 64 || !items.every(isCount))
    return fail(
      `the ${what} of a tensor, ${value === undefined ? 'absent' : kindOf(value)}, is no list of whole numbers`,
    );
  return items;
}

/** A view of a storage: storage, offset, shape, strides. */
function view(args: readonly PickleValue[], machine: Machine, dtype?: string, special?: string): TorchTensor {
  const [storage, offset, size, stride] = args;
  if (!isStorage(storage) || !isCount(offset)) return machine.fail('a tensor has no storage, or no place in it');
  const [shape, strides] = [sides(size, 'shape', machine), sides(stride, 'strides', machine)];
  if (shape.length !== strides.length)
    machine.fail(`a tensor has ${shape.length} sides and ${strides.length} strides: it is damaged`);
  const type = dtype ?? storage.dtype;
  const last = shape.includes(0) ? -1 : shape.reduce((at, side, axis) => at + (side - 1) * strides[axis]!, offset);
  const room = (storage.elements * TORCH_DTYPES[storage.dtype]!.bytes) / TORCH_DTYPES[type]!.bytes;
  if (special === undefined && !(last < room))
    machine.fail(
      `a tensor of shape [${shape.join(', ')}] reaches to element ${last} of a storage of ${Math.floor(room)}: it is damaged`,
    );
  return {
    kind: 'tensor',
    dtype: type,
    shape,
    strides,
    offset,
    storage,
    ...(special === undefined ? {} : { special }),
  };
}

/** A tensor whose elements are not simply numbers in a storage: known by name and, where it says it, by shape. */
const elsewhere = (special: string, dtype = 'float32', shape: readonly number[] = []): TorchTensor => ({
  kind: 'tensor',
  dtype,
  shape,
  strides: shape.map(() => 0),
  offset: 0,
  storage: null,
  special,
});

const numbersOf = (value: PickleValue | undefined): readonly number[] => (itemsOf(value) ?? []).filter(isCount);

const sparse: Constructor = ([, data]) => {
  const parts = itemsOf(data) ?? [];
  const values = parts.filter(isTensor).at(-1);
  const size = parts.map(numbersOf).find(({ length }) => length > 0) ?? [];
  return elsewhere('sparse', values?.dtype, size);
};

const dtypeIn = (args: readonly PickleValue[]): string | undefined =>
  args.flatMap((one) => (isGlobal(one) ? (dtypeOfGlobal(one.name) ?? []) : [])).at(0);

const parameter: Constructor = ([data]) => (isTensor(data) ? data : undefined);

const REBUILD: Readonly<Record<string, Constructor>> = {
  _rebuild_tensor: (args, machine) => view(args, machine),
  _rebuild_tensor_v2: (args, machine) =>
    view(args, machine, undefined, args[6] instanceof Map && args[6].size > 0 ? 'conjugated or negated' : undefined),
  _rebuild_tensor_v3: (args, machine) => {
    const dtype = isGlobal(args[6]) ? dtypeOfGlobal(args[6].name) : undefined;
    return dtype === undefined ? undefined : view(args, machine, dtype);
  },
  _rebuild_qtensor: (args, machine) => view(args, machine, undefined, 'quantised'),
  _rebuild_sparse_tensor: sparse,
  _rebuild_sparse_csr_tensor: sparse,
  _rebuild_nested_tensor: () => elsewhere('nested'),
  _rebuild_meta_tensor_no_storage: (args) =>
    elsewhere('without values (of the device meta)', dtypeIn(args), numbersOf(args[1])),
  _rebuild_device_tensor_from_numpy: (args) => elsewhere('of a device whose values are pickled', dtypeIn(args)),
  _rebuild_device_tensor_from_cpu_tensor: parameter,
  _rebuild_wrapper_subclass: (args) => elsewhere('of a class of its own', dtypeIn(args), numbersOf(args[2])),
  _rebuild_parameter: parameter,
  _rebuild_parameter_with_state: parameter,
};

const KNOWN: Readonly<Record<string, Constructor>> = {
  ...Object.fromEntries(Object.entries(REBUILD).map(([name, made]) => [`torch._utils.${name}`, made])),
  // (function, type, its arguments, attributes): the type and the attributes are left aside.
  'torch._tensor._rebuild_from_type_v2': ([inner, , args], machine) =>
    inner === undefined || args === undefined ? undefined : construct(inner, args, machine),
  'torch.nn.parameter.Parameter': parameter,
  'torch.Size': ([given]) => {
    const items = given === undefined ? [] : itemsOf(given);
    return items && { kind: 'tuple', items };
  },
  'torch.device': (args) => args.map(String).join(':'),
  'collections.OrderedDict': dict,
  'collections.Counter': dict,
  'collections.defaultdict': (args, machine) => dict(args.slice(1), machine),
  'builtins.set': set,
  'builtins.frozenset': set,
  'builtins.bytearray': byteArray,
  'builtins.bytes': byteArray,
  '_codecs.encode': fromLatin1,
};

/**
 * What `called(*args)`, or `called.__new__(called, *args)`, stands for: of the few known functions their result, of all
 * others a record.
 */
export function construct(called: PickleValue, args: PickleValue, machine: Machine): PickleValue {
  if (!isTuple(args)) return machine.fail(`arguments are ${kindOf(args)} instead of a tuple: it is damaged`);
  const name = isGlobal(called) ? called.name.replace(/^__builtin__\./, 'builtins.') : kindOf(called);
  const known = isGlobal(called) && Object.hasOwn(KNOWN, name) ? KNOWN[name]!(args.items, machine) : undefined;
  return known ?? inert(name, args.items);
}

function inert(name: string, args: readonly PickleValue[]): PyRecord {
  return { kind: 'record', name, args, state: null, items: [], entries: new Map() };
}
