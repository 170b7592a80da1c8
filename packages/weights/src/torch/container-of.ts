import type { TorchFile } from './torch-file.js';

const text = (bytes: Uint8Array, from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to));

/** Bytes that tell what a file is. */
export const START = 512;

/** Which container a file's first bytes are of; null for a file of another kind. */
export function torchContainer(start: Uint8Array): TorchFile['container'] | null {
  // The length of a safetensors header may be any number, that of a pickle's first bytes, too.
  if (start[8] === 0x7b && start.subarray(5, 8).every((byte) => byte === 0)) return null;
  if (text(start, 0, 4) === 'PK\x03\x04') return 'zip';
  if (start[0] === 0x80 && start[1]! >= 2 && start[1]! <= 5) return 'legacy';
  return text(start, 257, 262) === 'ustar' ? 'tar' : null;
}
