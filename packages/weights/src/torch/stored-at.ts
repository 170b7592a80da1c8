import type { ByteSource } from './byte-source.js';
import type { TorchStorage } from './pickle-value.js';
import { TORCH_DTYPES } from './torch-dtypes.js';
import { freshRoom, type Room, torchError } from './torch-file.js';

/** Where the elements of a storage lie in a file: behind their number, in 8 bytes. */
export interface StoredAt {
  readonly start: number;
  readonly end: number;
}

/**
 * @param element bytes of one element
 * @param end where what holds the storage ends
 */
export function storedAt(source: ByteSource, position: number, element: number, end: number, what: string): StoredAt {
  const left = end - position;
  if (left < 8) throw torchError(source.where, `it ends before its ${what} begins: it was cut short`);
  const elements = source.read(Buffer.alloc(8), position).readBigUInt64LE(0);
  if (elements * BigInt(element) > BigInt(left - 8))
    throw torchError(
      source.where,
      `its ${what} at byte ${position} announces ${elements} elements of ${element} bytes, but only ${left - 8} bytes follow: it was cut short, or is damaged`,
    );
  return { start: position + 8, end: position + 8 + Number(elements) * element };
}

/** The bytes of a storage, or of the part of it that `storage` is. */
export function readStoredAt(
  source: ByteSource,
  place: StoredAt | undefined,
  storage: TorchStorage,
  room: Room = freshRoom,
): Uint8Array {
  const element = TORCH_DTYPES[storage.dtype]!.bytes;
  const [begin, length] = [storage.start * element, storage.elements * element];
  if (place === undefined || begin + length > place.end - place.start)
    throw torchError(
      source.where,
      `its storage ${storage.key} ${place === undefined ? 'is not there' : `has ${place.end - place.start} bytes`}, but ${begin + length} are wanted: ${storage.elements} elements of ${storage.dtype}`,
    );
  return source.read(room(length), place.start + begin);
}
