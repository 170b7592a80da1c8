import { expect } from 'vitest';

const MANY = 32;

/**
 * `toEqual` takes microseconds for each number of an array, which were most of the time of some files. Numbers that are
 * equal one by one are told here; of all others (undefined) it finds out itself, and shows what differs.
 */
function equalNumbers(a: unknown, b: unknown): boolean | undefined {
  if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) {
    if (a.constructor !== b.constructor || a.byteLength !== b.byteLength) return undefined;
    return bytesOf(a).equals(bytesOf(b)) || undefined;
  }
  if (!Array.isArray(a) || !Array.isArray(b) || a.length < MANY || a.length !== b.length) return undefined;
  // Not `every`, which passes over holes.
  for (let i = 0; i < a.length; i++) if (typeof a[i] !== 'number' || !Object.is(a[i], b[i])) return undefined;
  return true;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

expect.addEqualityTesters([equalNumbers]);
