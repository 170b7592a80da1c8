import { crc32c } from '@aws-crypto/crc32c';

/** A message as it stands in an event file: its length and its bytes, each with a checksum. */
export function record(message: Uint8Array): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(message.length));
  return Buffer.concat([length, checksum(length), message, checksum(message)]);
}

function checksum(bytes: Uint8Array): Buffer {
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(masked(crc32c(bytes)));
  return sum;
}

/** Turned and shifted, as TFRecord files have it, so that a sum over bytes that hold sums is no weak one. */
export const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
