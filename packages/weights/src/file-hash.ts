import { KdError, sha256 } from '@kd/core/plain';

/** The key of the hash in a file's metadata. */
export const HASH_KEY = 'kd.hash';

/** SHA-256 of the whole file, header and all, with zeros where its digits stand. Node's own takes 0.1 s for 100 MB. */
const PREFIX = 'kd-sha256:';
const DIGITS = 64;
const ZEROS = '0'.repeat(DIGITS);

/** Stands in the metadata until the file is whole. */
export const NO_HASH_YET = PREFIX + ZEROS;

/** Puts the hash of a file in place of {@link NO_HASH_YET}. */
export function writeHash(bytes: Uint8Array): void {
  const at = find(bytes, NO_HASH_YET);
  bytes.set(new TextEncoder().encode(hashAround(bytes, at)), at);
}

/**
 * Compares a file with the hash in its metadata, where there is one: files of other programs have none.
 * @returns the metadata without it, and whether it was there
 * @throws KdError CHECKPOINT_INVALID
 */
export function checkHash(
  bytes: Uint8Array,
  metadata: Readonly<Record<string, string>>,
  where: string,
): { readonly metadata: Readonly<Record<string, string>>; readonly hashed: boolean } {
  // By the value as well: the damage may be in the key.
  const found = Object.entries(metadata).find(([key, value]) => key === HASH_KEY || value.startsWith(PREFIX));
  if (found === undefined) return { metadata, hashed: false };
  const [key, text] = found;
  const at = text.length === NO_HASH_YET.length ? find(bytes, text) : -1;
  if (key !== HASH_KEY || at === -1 || PREFIX + hashAround(bytes, at) !== text)
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${where} is damaged: its bytes are not those that were written (the hash in its metadata says so). Copy it again or take another; a program that changed it on purpose must leave "${HASH_KEY}" out of the metadata.`,
    );
  const { [HASH_KEY]: _, ...rest } = metadata;
  return { metadata: rest, hashed: true };
}

/** Where the digits stand; -1 where another program wrote the header in its own way. */
function find(bytes: Uint8Array, text: string): number {
  const value = `"${HASH_KEY}":"${text}"`;
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  // A letter a byte.
  const header = new TextDecoder('latin1').decode(bytes.subarray(0, 8 + length));
  const at = header.indexOf(value);
  return at === -1 ? -1 : at + value.length - 1 - DIGITS;
}

const hashAround = (bytes: Uint8Array, at: number): string =>
  sha256()
    .update(bytes.subarray(0, at))
    .update(ZEROS)
    .update(bytes.subarray(at + DIGITS))
    .digest();
