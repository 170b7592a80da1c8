import { type HostTensor, KdError, type NamedTensors, writeFileAtomic } from '@kd/core';
import { zipSync } from 'fflate';
import { dtypeAsHalf, toHalf } from '../half.js';
import type { SerializeOptions } from '../safetensors.js';
import { storageOfDtype } from './torch-dtypes.js';

/** Writes a state dict as `torch.save` does, to a temporary name first. @throws KdError USAGE, FILE_WRITE */
export async function writeTorch(file: string, tensors: NamedTensors, options: SerializeOptions = {}): Promise<void> {
  await writeFileAtomic(file, serializeTorch(tensors, options));
}

/**
 * The bytes of a file that `torch.load` reads, with `weights_only` too: a dict of tensors by name, and nothing else.
 * The same tensors give the same bytes.
 * @throws KdError USAGE naming a tensor of a dtype that torch has no storage for
 */
export function serializeTorch(tensors: NamedTensors, options: SerializeOptions = {}): Uint8Array {
  const entries: Record<string, Uint8Array> = {};
  const pickle = new Pickle().op(0x80, 2).op(EMPTY_DICT, MARK);
  [...tensors].forEach(([name, given], i) => {
    const tensor =
      options.as === 'F16' && dtypeAsHalf(given.dtype) !== given.dtype
        ? toHalf(name, given)
        : // Values may be made when they are read: once each.
          { dtype: given.dtype, shape: given.shape, data: given.data };
    writeTensor(pickle.text(name), name, String(i), tensor);
    const { buffer, byteOffset, byteLength } = tensor.data;
    entries[`archive/data/${i}`] = new Uint8Array(buffer, byteOffset, byteLength);
  });
  const encoder = new TextEncoder();
  return zipSync(
    {
      'archive/data.pkl': pickle.op(SET_ITEMS, STOP).bytes(),
      'archive/byteorder': encoder.encode('little'),
      ...entries,
      'archive/version': encoder.encode('3\n'),
    },
    // Torch stores as it is; 1980 is the first year that an archive knows.
    { level: 0, mtime: new Date(1980, 0, 1) },
  );
}

const [MARK, STOP, TUPLE, EMPTY_TUPLE, REDUCE, SET_ITEMS] = [0x28, 0x2e, 0x74, 0x29, 0x52, 0x75];
const [EMPTY_DICT, PERSISTENT_ID, FALSE] = [0x7d, 0x51, 0x89];

/** `torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())` */
function writeTensor(pickle: Pickle, name: string, key: string, { dtype, shape }: HostTensor): void {
  const storage = storageOfDtype(dtype);
  if (storage === undefined)
    throw new KdError(
      'USAGE',
      `tensor "${name}" cannot be written: torch has no storage for ${dtype}. Write a .safetensors file.`,
    );
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, side) => product * side, 1));
  pickle.global('torch._utils', '_rebuild_tensor_v2').op(MARK);
  pickle.op(MARK).text('storage').global('torch', storage).text(key).text('cpu');
  pickle.int(shape.reduce((product, side) => product * side, 1)).op(TUPLE, PERSISTENT_ID);
  pickle.int(0).tuple(shape).tuple(strides).op(FALSE);
  pickle.global('collections', 'OrderedDict').op(EMPTY_TUPLE, REDUCE);
  pickle.op(TUPLE, REDUCE);
}

/** Instructions of protocol 2, one after the other. */
class Pickle {
  readonly #bytes: number[] = [];

  op(...codes: readonly number[]): this {
    for (const code of codes) this.#bytes.push(code);
    return this;
  }

  text(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.op(0x58, ...int32(bytes.length), ...bytes);
  }

  int(value: number): this {
    return this.op(0x4a, ...int32(value));
  }

  tuple(values: readonly number[]): this {
    this.op(MARK);
    for (const value of values) this.int(value);
    return this.op(TUPLE);
  }

  global(module: string, name: string): this {
    return this.op(...new TextEncoder().encode(`c${module}\n${name}\n`));
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

/** Least byte first. */
const int32 = (value: number): Uint8Array => new Uint8Array(new Int32Array([value]).buffer);
