import { readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { TorchStorage } from './pickle-value.js';
import { TORCH_DTYPES } from './torch-dtypes.js';
import { torchError } from './torch-file.js';

/** Where the elements of a storage lie in a file: behind their number, in 8 bytes. */
export interface StoredAt {
  readonly start: number;
  readonly end: number;
}

/** Fills a buffer from a place of a file. */
export function readExactly(fd: number, into: Uint8Array, position: number, where: string): void {
  let done = 0;
  while (done < into.length) {
    const count = readSync(fd, into, done, into.length - done, position + done);
    if (count === 0) throw torchError(where, `it ends at byte ${position + done} while it is read`);
    done += count;
  }
}

/** @param element bytes of one element */
export function storedAt(
  fd: number,
  position: number,
  element: number,
  size: number,
  where: string,
  what: string,
): StoredAt {
  const left = size - position;
  if (left < 8) throw torchError(where, `it ends before its ${what} begins: it was cut short`);
  const count = Buffer.alloc(8);
  readExactly(fd, count, position, where);
  const elements = count.readBigUInt64LE(0);
  if (elements * BigInt(element) > BigInt(left - 8))
    throw torchError(
      where,
      `its ${what} at byte ${position} announces ${elements} elements of ${element} bytes, but only ${left - 8} bytes follow: it was cut short, or is damaged`,
    );
  return { start: position + 8, end: position + 8 + Number(elements) * element };
}

/** The bytes of a storage, or of the part of it that `storage` is. */
export async function readStoredAt(
  handle: FileHandle,
  place: StoredAt | undefined,
  storage: TorchStorage,
  where: string,
): Promise<Uint8Array> {
  const element = TORCH_DTYPES[storage.dtype]!.bytes;
  const [begin, length] = [storage.start * element, storage.elements * element];
  if (place === undefined || begin + length > place.end - place.start)
    throw torchError(
      where,
      `its storage ${storage.key} ${place === undefined ? 'is not there' : `has ${place.end - place.start} bytes`}, but ${begin + length} are wanted: ${storage.elements} elements of ${storage.dtype}`,
    );
  const bytes = new Uint8Array(length);
  const { bytesRead } = await handle.read(bytes, 0, length, place.start + begin);
  if (bytesRead < length)
    throw torchError(where, `its storage ${storage.key} ends after ${bytesRead} of ${length} bytes`);
  return bytes;
}
