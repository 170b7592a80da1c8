import { open } from 'node:fs/promises';
import { crc32, inflateRawSync } from 'node:zlib';
import { messageOf } from '@kd/core';
import { type Entry, fromFdPromise } from 'yauzl';
import type { ByteSource } from '../../torch/byte-source.js';
import { storageOf } from '../../torch/persistent-storage.js';
import { pickleOf } from '../../torch/pickle-input.js';
import { swapBytes } from '../../torch/swap-bytes.js';
import { TORCH_DTYPES } from '../../torch/torch-dtypes.js';
import { freshRoom, pickleError, type Room, type TorchFile, torchError } from '../../torch/torch-file.js';
import { unpickle } from '../../torch/unpickle.js';

/** Entries of an archive, and bytes of its pickle: more than any model has. */
const MOST_ENTRIES = 1 << 20;
const LARGEST_PICKLE = 1 << 28;

/** What torch writes since 1.6: an archive with a pickle, and every storage as an entry of its own. */
export async function openZip(source: ByteSource): Promise<TorchFile> {
  const { where, size } = source;
  const { folder, entries } = inFolder(await entriesOf(source), where);
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
  const order = entry('byteorder');
  const big =
    order !== undefined &&
    order.uncompressedSize < 16 &&
    Buffer.from(readEntry(source, order)).toString('latin1').trim() === 'big';
  const value = unpickle(
    pickleOf(Buffer.from(readEntry(source, pickle))),
    pickleError(where, 'its data.pkl'),
    storageOf,
  );
  return {
    container: 'zip',
    value,
    size,
    readStorage({ key, elements, dtype }, room) {
      const element = TORCH_DTYPES[dtype]!.bytes;
      const found = entry(`data/${key}`);
      if (found?.uncompressedSize !== elements * element)
        throw torchError(
          where,
          `its storage data/${key} ${found === undefined ? 'is not there' : `is ${found.uncompressedSize} bytes long`}, but ${elements * element} are wanted: ${elements} elements of ${dtype}`,
        );
      const bytes = readEntry(source, found, room);
      if (big) swapBytes(bytes, element);
      return bytes;
    },
  };
}

/** yauzl reads the directory, of archives beyond 4 GiB too, and refuses names that lead out of a folder. */
async function entriesOf({ where }: ByteSource): Promise<Map<string, Entry>> {
  const handle = await open(where);
  const entries = new Map<string, Entry>();
  try {
    const archive = await fromFdPromise(handle.fd, { lazyEntries: true, autoClose: false, strictFileNames: true });
    if (archive.entryCount > MOST_ENTRIES) throw new Error(`it announces ${archive.entryCount} entries`);
    for await (const entry of archive.eachEntry()) {
      if (entries.has(entry.fileName)) throw new Error(`the entry "${entry.fileName}" is there twice`);
      entries.set(entry.fileName, entry);
    }
  } catch (cause) {
    throw torchError(
      where,
      `as an archive (zip): ${messageOf(cause).replace(/\.$/, '')}. It was cut short, or is damaged`,
      undefined,
      cause,
    );
  } finally {
    await handle.close();
  }
  return entries;
}

/** The folder that all of a checkpoint lies in. */
function inFolder(entries: Map<string, Entry>, where: string): { folder: string; entries: Map<string, Entry> } {
  const pickles = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1)
    throw torchError(
      where,
      `it is an archive (zip) ${pickles.length === 0 ? 'without' : `with ${pickles.length} times`} the entry data.pkl that torch.save writes`,
      'Where the weights lie in it as a file, unpack it first.',
    );
  return { folder: pickles[0]!.slice(0, -'/data.pkl'.length), entries };
}

/** Bytes of an entry's own header, before its name. */
const HEADER = 30;

/** The bytes of an entry, compared with its sum (0 where torch was told to write none). */
function readEntry(source: ByteSource, entry: Entry, room: Room = freshRoom): Uint8Array {
  const { fileName, compressedSize, uncompressedSize, compressionMethod } = entry;
  const fail = (why: string, cause?: unknown): never => {
    throw torchError(source.where, `its entry ${fileName} ${why}`, undefined, cause);
  };
  const at = entry.relativeOffsetOfLocalHeader;
  if (at + HEADER > source.size) fail('does not lie in the file');
  const header = source.read(Buffer.alloc(HEADER), at);
  const start = at + HEADER + header.readUInt16LE(26) + header.readUInt16LE(28);
  if (header.readUInt32LE(0) !== 0x04034b50) fail('does not begin as one');
  if (start + compressedSize > source.size)
    fail(`announces ${compressedSize} bytes, but only ${source.size - start} follow`);
  if (entry.isEncrypted() || (compressionMethod !== 0 && compressionMethod !== 8))
    fail('is packed in a way that torch does not write');
  const stored = source.read(room(compressedSize), start);
  const bytes = compressionMethod === 0 ? stored : inflated(stored, uncompressedSize, fail);
  if (bytes.length !== uncompressedSize) fail(`is ${bytes.length} bytes long instead of ${uncompressedSize}`);
  if (entry.crc32 !== 0 && crc32(bytes) !== entry.crc32)
    fail('is damaged: the sum of its bytes is not the one beside it');
  return bytes;
}

function inflated(bytes: Uint8Array, length: number, fail: (why: string, cause?: unknown) => never): Uint8Array {
  try {
    // Into memory of its own: a part of Node's pool would not lie at a multiple of an element's size.
    return new Uint8Array(inflateRawSync(bytes, { maxOutputLength: Math.max(length, 1) }));
  } catch (cause) {
    return fail(`cannot be unpacked: ${messageOf(cause)}`, cause);
  }
}
