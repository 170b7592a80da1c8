import { checkRegularFile, KdError, messageOf } from '@kd/core';
import { byteSource, type ByteSource } from './byte-source.js';
import { openLegacy } from './legacy-container.js';
import { openTar } from './tar-container.js';
import type { TorchFile } from './torch-file.js';
import { openZip } from './zip-container.js';

/** Bytes that tell what a file is. */
const START = 512;

/** Which container a file's first bytes are of; null for a file of another kind. */
function torchContainer(start: Buffer): TorchFile['container'] | null {
  // The length of a safetensors header may be any number, that of a pickle's first bytes, too.
  if (start[8] === 0x7b && start.subarray(5, 8).every((byte) => byte === 0)) return null;
  if (start.subarray(0, 4).equals(Buffer.from('PK\x03\x04'))) return 'zip';
  if (start[0] === 0x80 && start[1]! >= 2 && start[1]! <= 5) return 'legacy';
  return start.toString('latin1', 257, 262) === 'ustar' ? 'tar' : null;
}

const OPEN = { zip: openZip, legacy: openLegacy, tar: openTar } as const;

/**
 * Reads what `torch.save` wrote, as data: its pickle is read by an unpickler of our own that calls nothing, and the
 * numbers of a tensor are read when they are wanted.
 * @returns null for a file of another kind
 * @throws KdError CHECKPOINT_INVALID
 */
export async function openTorch(file: string): Promise<TorchFile | null> {
  const source = await regularSource(file);
  const start = source.read(Buffer.alloc(Math.min(START, source.size)), 0);
  const container = torchContainer(start);
  return container === null ? null : OPEN[container](source);
}

async function regularSource(file: string): Promise<ByteSource> {
  try {
    await checkRegularFile(file);
    return byteSource(file);
  } catch (cause) {
    throw new KdError('CHECKPOINT_INVALID', `${file} could not be read: ${messageOf(cause)}. Check the path.`, {
      cause,
    });
  }
}
