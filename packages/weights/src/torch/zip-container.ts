import { crc32 } from 'node:zlib';
import type { FileHandle } from 'node:fs/promises';
import { messageOf } from '@kd/core';
import { type Entry, fromFdPromise, type ZipFile } from 'yauzl';
import { pickleOf } from './pickle-input.js';
import type { TorchStorage } from './pickle-value.js';
import { storageOf } from './persistent-storage.js';
import { swapBytes } from './swap-bytes.js';
import { TORCH_DTYPES } from './torch-dtypes.js';
import { pickleError, type TorchFile, torchError } from './torch-file.js';
import { unpickle } from './unpickle.js';

/** Entries of an archive, and bytes of its pickle: more than any model has. */
const MOST_ENTRIES = 1 << 20;
const LARGEST_PICKLE = 1 << 28;

/** What torch writes since 1.6: an archive with a pickle, and every storage as an entry of its own. */
export async function openZip(handle: FileHandle, size: number, where: string): Promise<TorchFile> {
  const archive = await openArchive(handle, where);
  const { folder, entries } = await entriesOf(archive, where);
  const entry = (name: string): Entry | undefined => entries.get(`${folder}/${name}`);
  if (entry('constants.pkl') !== undefined)
    throw torchError(
      where,
      'it is a TorchScript program, not saved weights',
      'Save the weights in Python: torch.save(torch.jit.load(FILE).state_dict(), OTHER).',
    );
  const pickle = entry('data.pkl')!;
  if (pickle.uncompressedSize > LARGEST_PICKLE)
    throw torchError(
      where,
      `its data.pkl is ${pickle.uncompressedSize} bytes long, more than the structure of any model takes`,
      'Save the state dict alone.',
    );
  const read = (one: Entry): Promise<Uint8Array> => readEntry(archive, handle, one, where);
  const order = entry('byteorder');
  const big =
    order !== undefined &&
    Buffer.from(await read(order))
      .toString('latin1')
      .trim() === 'big';
  const value = unpickle(pickleOf(Buffer.from(await read(pickle))), pickleError(where, 'its data.pkl'), storageOf);
  return {
    container: 'zip',
    value,
    size,
    async readStorage(storage) {
      const wanted = storage.elements * TORCH_DTYPES[storage.dtype]!.bytes;
      const found = entry(`data/${storage.key}`);
      if (found?.uncompressedSize !== wanted)
        throw torchError(
          where,
          `its storage data/${storage.key} ${found === undefined ? 'is not there' : `is ${found.uncompressedSize} bytes long`}, but ${wanted} are wanted: ${described(storage)}`,
        );
      const bytes = await read(found);
      if (big) swapBytes(bytes, TORCH_DTYPES[storage.dtype]!.bytes);
      return bytes;
    },
    close: () => handle.close(),
  };
}

const described = ({ elements, dtype }: TorchStorage): string => `${elements} elements of ${dtype}`;

async function openArchive(handle: FileHandle, where: string): Promise<ZipFile> {
  try {
    return await fromFdPromise(handle.fd, { lazyEntries: true, autoClose: false, strictFileNames: true });
  } catch (cause) {
    throw torchError(
      where,
      `as an archive (zip), ${messageOf(cause)}: it was cut short, or is damaged`,
      undefined,
      cause,
    );
  }
}

/** The entries, and the folder that all of a checkpoint lies in. */
async function entriesOf(archive: ZipFile, where: string): Promise<{ folder: string; entries: Map<string, Entry> }> {
  const entries = new Map<string, Entry>();
  if (archive.entryCount > MOST_ENTRIES)
    throw torchError(where, `it announces ${archive.entryCount} entries, more than any model has`);
  try {
    for await (const entry of archive.eachEntry()) {
      if (entries.has(entry.fileName)) throw new Error(`the entry "${entry.fileName}" is there twice`);
      entries.set(entry.fileName, entry);
    }
  } catch (cause) {
    throw torchError(where, `as an archive (zip), ${messageOf(cause)}`, undefined, cause);
  }
  const pickles = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1)
    throw torchError(
      where,
      `it is an archive (zip) ${pickles.length === 0 ? 'without' : `with ${pickles.length} times`} the entry data.pkl that torch.save writes`,
      'Where the weights lie in it as a file, unpack it first.',
    );
  return { folder: pickles[0]!.slice(0, -'/data.pkl'.length), entries };
}

/** The bytes of an entry, compared with its sum (0 where torch was told to write none). */
async function readEntry(archive: ZipFile, handle: FileHandle, entry: Entry, where: string): Promise<Uint8Array> {
  const length = entry.uncompressedSize;
  const bytes = new Uint8Array(length);
  try {
    if (entry.compressionMethod === 0 && !entry.isEncrypted()) {
      const { fileDataStart } = await archive.readLocalFileHeaderPromise(entry, { minimal: true });
      const { bytesRead } = await handle.read(bytes, 0, length, fileDataStart);
      if (bytesRead < length) throw new Error(`only ${bytesRead} of its ${length} bytes are there`);
    } else {
      let at = 0;
      for await (const part of await archive.openReadStreamPromise(entry)) {
        bytes.set(part as Buffer, at);
        at += (part as Buffer).length;
      }
    }
  } catch (cause) {
    throw torchError(where, `its entry ${entry.fileName} cannot be read: ${messageOf(cause)}`, undefined, cause);
  }
  if (entry.crc32 !== 0 && crc32(bytes) !== entry.crc32)
    throw torchError(where, `its entry ${entry.fileName} is damaged: the sum of its bytes is not the one beside it`);
  return bytes;
}
