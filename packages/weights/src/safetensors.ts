import type { HostTensor, NamedTensors } from '@kd/core';
import { checkMembers, KdError, messageOf, readRegularFile, writeFileAtomic } from '@kd/core/plain';
import { DTYPES, elementCount, isDtype } from './dtypes.js';
import { checkHash, HASH_KEY, NO_HASH_YET, writeHash } from './file-hash.js';
import { dtypeAsHalf, toHalf } from './half.js';
import { readHeader } from './header.js';

export interface SafetensorsFile {
  readonly tensors: Map<string, HostTensor>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Whether the file has a hash, which it was compared with: every one that is written here has. */
  readonly hashed: boolean;
}

export interface SerializeOptions {
  /** Round floating tensors to half precision, ties to even; tensors of integers stay as they are. */
  readonly as?: 'F16';
}

/**
 * Reads a safetensors file: 8 bytes of header length (little endian), a JSON header, then the tensors' bytes. Nothing
 * of it is executed.
 * @throws KdError CHECKPOINT_INVALID naming the file and what is wrong with it
 */
export async function readSafetensors(file: string): Promise<SafetensorsFile> {
  let bytes: Uint8Array;
  try {
    bytes = await readRegularFile(file);
  } catch (cause) {
    throw new KdError('CHECKPOINT_INVALID', `${file} could not be read: ${messageOf(cause)}. Check the path.`, {
      cause,
    });
  }
  return parseSafetensors(bytes, file);
}

/**
 * The tensors of a safetensors file in memory. They are views of `bytes` where alignment allows it, copies elsewhere.
 * @param where names the source in errors, usually the file's path
 * @throws KdError CHECKPOINT_INVALID
 */
export function parseSafetensors(bytes: Uint8Array, where: string): SafetensorsFile {
  if (!(bytes instanceof Uint8Array))
    throw new KdError('USAGE', 'the bytes of a safetensors file must be a Uint8Array.');
  const { entries, metadata: stored, dataStart } = readHeader(bytes, where);
  const { metadata, hashed } = checkHash(bytes, stored, where);
  const tensors = new Map<string, HostTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    const info = DTYPES[dtype];
    const start = bytes.byteOffset + dataStart + begin;
    const aligned = start % info.bytes === 0 && bytes.buffer instanceof ArrayBuffer;
    const data = aligned
      ? new info.array(bytes.buffer as ArrayBuffer, start, (end - begin) / info.bytes)
      : new info.array(
          // A copy by the constructor: `slice` of a Buffer, which reading a file gives, is a view of the whole.
          new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end)).buffer,
          0,
          (end - begin) / info.bytes,
        );
    tensors.set(name, { dtype, shape, data });
  }
  return { tensors, metadata, hashed };
}

/**
 * The bytes of a safetensors file, with a hash of them in its metadata. Tensors are laid out by falling element size,
 * then by name: the same tensors always give the same bytes, and every tensor is aligned to its element size.
 * @throws KdError USAGE when a tensor's data does not fit its shape or dtype
 */
export function serializeSafetensors(
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
  options: SerializeOptions = {},
): Uint8Array {
  checkMembers(tensors, { get: 'function', entries: 'function' }, 'the tensors to write, a Map by name,', 'USAGE');
  const list = [...tensors].map(([name, tensor]) => {
    checkHeader(name, tensor);
    return { name, tensor, dtype: options.as === 'F16' ? dtypeAsHalf(tensor.dtype) : tensor.dtype };
  });
  list.sort((a, b) => DTYPES[b.dtype].bytes - DTYPES[a.dtype].bytes || (a.name < b.name ? -1 : 1));

  let position = 0;
  const fields: string[] = [];
  const sorted = Object.entries({ ...metadata, [HASH_KEY]: NO_HASH_YET }).sort(([a], [b]) => (a < b ? -1 : 1));
  fields.push(`"__metadata__":${JSON.stringify(Object.fromEntries(sorted))}`);
  for (const { name, dtype, tensor } of list) {
    const end = position + elementCount(tensor.shape) * DTYPES[dtype].bytes;
    fields.push(
      `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape: tensor.shape, data_offsets: [position, end] })}`,
    );
    position = end;
  }
  const json = new TextEncoder().encode(`{${fields.join(',')}}`);
  const headerLength = Math.ceil(json.length / 8) * 8;

  const bytes = new Uint8Array(8 + headerLength + position);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.set(json, 8);
  bytes.fill(0x20, 8 + json.length, 8 + headerLength);
  let at = 8 + headerLength;
  for (const { name, tensor } of list) {
    // Read once each: values may be made, or read from a file, when they are asked for.
    const { dtype, shape, data } = tensor;
    checkData(name, { dtype, shape, data });
    const written = options.as === 'F16' ? toHalf(name, { dtype, shape, data }).data : data;
    const { buffer, byteOffset, byteLength } = written;
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  writeHash(bytes);
  return bytes;
}

/** Writes a safetensors file to a temporary name beside it, then renames. @throws KdError USAGE, FILE_WRITE */
export async function writeSafetensors(
  file: string,
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
  options: SerializeOptions = {},
): Promise<void> {
  await writeFileAtomic(file, serializeSafetensors(tensors, metadata, options));
}

function checkHeader(name: string, { dtype, shape }: HostTensor): void {
  if (name === '__metadata__') cannotWrite(name, 'the name is taken by the format; choose another');
  if (!isDtype(dtype)) cannotWrite(name, `dtype ${String(dtype)} is not one of ${Object.keys(DTYPES).join(', ')}`);
  if (!shape.every((side) => Number.isSafeInteger(side) && side >= 0))
    cannotWrite(name, `[${shape.join(', ')}] is not a shape`);
}

function checkData(name: string, { dtype, shape, data }: HostTensor): void {
  if (!(data instanceof DTYPES[dtype].array))
    cannotWrite(
      name,
      `${dtype} is held in a ${DTYPES[dtype].array.name}, not in a ${(data as HostTensor['data']).constructor.name}`,
    );
  if (data.length !== elementCount(shape))
    cannotWrite(name, `shape [${shape.join(', ')}] does not fit ${data.length} elements`);
}

function cannotWrite(name: string, why: string): never {
  throw new KdError('USAGE', `tensor "${name}" cannot be written: ${why}.`);
}
