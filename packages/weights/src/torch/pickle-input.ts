/** Tells what is wrong at a byte of the pickle; never returns. */
export type Fail = (why: string, advice?: string) => never;

/** The bytes of a pickle, from front to back. */
export interface PickleInput {
  /** Where the next byte lies, from the start of the file or of the entry that holds the pickle. */
  position: number;
  /** A view of the next bytes, good until the next call. @throws by `fail` where fewer are left */
  take(length: number, fail: Fail): Buffer;
  /** Up to the next line feed, without it. */
  line(fail: Fail): string;
}

/** How far it is read ahead. */
const CHUNK = 1 << 16;
/** Names of modules and classes are shorter. */
const LONGEST_LINE = 1 << 12;

/**
 * @param read fills a buffer from a place of the file
 * @param end where the file or the entry ends
 */
export function pickleInput(read: (into: Buffer, position: number) => void, start: number, end: number): PickleInput {
  let chunk: Buffer = Buffer.alloc(0);
  let chunkStart = start;
  const input: PickleInput = {
    position: start,
    take(length, fail) {
      if (length > end - input.position)
        fail(`${length} bytes should follow, but only ${end - input.position} do: it was cut short, or is damaged`);
      if (input.position + length > chunkStart + chunk.length || input.position < chunkStart) {
        chunk = Buffer.alloc(Math.min(Math.max(length, CHUNK), end - input.position));
        chunkStart = input.position;
        read(chunk, chunkStart);
      }
      const at = input.position - chunkStart;
      input.position += length;
      return chunk.subarray(at, at + length);
    },
    line(fail) {
      const bytes: number[] = [];
      for (;;) {
        const byte = input.take(1, fail)[0]!;
        if (byte === 0x0a) return Buffer.from(bytes).toString('utf8');
        bytes.push(byte);
        if (bytes.length > LONGEST_LINE) fail(`a name is longer than ${LONGEST_LINE} bytes`);
      }
    },
  };
  return input;
}

/** A pickle in memory. */
export const pickleOf = (bytes: Buffer): PickleInput =>
  pickleInput((into, position) => void bytes.copy(into, 0, position), 0, bytes.length);
