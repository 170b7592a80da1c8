import type { ByteSource } from './byte-source.js';
import { torchError } from './torch-file.js';

/** Where the bytes of a file of an archive lie. */
export interface TarEntry {
  readonly start: number;
  readonly end: number;
}

const BLOCK = 512;
/** Torch wrote four; more than a few are another kind of archive. */
const MOST = 1000;

/** The files of an archive (tar) by their names, as POSIX writes it; records of other kinds are passed over. */
export function tarEntries({ where, size, read }: ByteSource): Map<string, TarEntry> {
  const entries = new Map<string, TarEntry>();
  const header = Buffer.alloc(BLOCK);
  for (let position = 0, count = 0; position + BLOCK <= size; count++) {
    read(header, position);
    if (header.every((byte) => byte === 0)) break;
    const sum = numberAt(header, 148, 8);
    const counted = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
    const length = numberAt(header, 124, 12);
    const start = position + BLOCK;
    if (sum !== counted || length === undefined || count >= MOST)
      throw torchError(where, `as an archive (tar), its entry at byte ${position} is damaged`);
    if (start + length > size)
      throw torchError(
        where,
        `its entry at byte ${position} announces ${length} bytes, but only ${size - start} follow: it was cut short`,
      );
    const kind = String.fromCharCode(header[156]!);
    if (kind === '0' || kind === '\0') entries.set(textAt(header, 0, 100), { start, end: start + length });
    position = start + Math.ceil(length / BLOCK) * BLOCK;
  }
  return entries;
}

const textAt = (header: Buffer, at: number, length: number): string =>
  header.toString('latin1', at, at + length).replace(/\0.*$/s, '');

/** A number in octal digits, or, of 8 GiB and more, in bytes behind a mark. */
function numberAt(header: Buffer, at: number, length: number): number | undefined {
  if (header[at] === 0x80) return Number(header.readBigUInt64BE(at + length - 8));
  const text = textAt(header, at, length).trim();
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
}
