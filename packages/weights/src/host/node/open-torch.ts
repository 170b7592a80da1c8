import { checkRegularFile, KdError, messageOf } from '@kd/core';
import type { ByteSource } from '../../torch/byte-source.js';
import { byteSource } from './byte-source.js';
import { openLegacy } from '../../torch/legacy-container.js';
import { openTar } from '../../torch/tar-container.js';
import { START, torchContainer } from '../../torch/container-of.js';
import type { TorchFile } from '../../torch/torch-file.js';
import { openZip } from './zip-container.js';

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
