import { open } from 'node:fs/promises';
import { checkRegularFile, KdError, messageOf } from '@kd/core';
import { openLegacy } from './legacy-container.js';
import { openTar } from './tar-container.js';
import { openZip } from './zip-container.js';
import type { TorchFile } from './torch-file.js';

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

/**
 * Opens a file that `torch.save` wrote, as data: its pickle is read by an unpickler of our own that calls nothing, and
 * the numbers of a tensor are read when they are wanted. Close it afterwards.
 * @returns null for a file of another kind
 * @throws KdError CHECKPOINT_INVALID
 */
export async function openTorch(file: string): Promise<TorchFile | null> {
  const handle = await openRegular(file);
  try {
    const { size } = await handle.stat();
    const { buffer } = await handle.read(Buffer.alloc(START), 0, START, 0);
    const container = torchContainer(buffer);
    if (container === 'zip') return await openZip(handle, size, file);
    if (container === 'legacy') return await openLegacy(handle, size, file);
    if (container === 'tar') return await openTar(handle, size, file);
    await handle.close();
    return null;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openRegular(file: string): Promise<Awaited<ReturnType<typeof open>>> {
  try {
    await checkRegularFile(file);
    return await open(file);
  } catch (cause) {
    throw new KdError('CHECKPOINT_INVALID', `${file} could not be read: ${messageOf(cause)}. Check the path.`, {
      cause,
    });
  }
}
