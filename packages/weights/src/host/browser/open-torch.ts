import { KdError, messageOf, readRegularFile } from '@kd/core/plain';
import { torchContainer } from '../../torch/container-of.js';
import type { TorchFile } from '../../torch/torch-file.js';

/**
 * @returns null for a file that torch has not written
 * @throws KdError CHECKPOINT_INVALID for one that it has, which is read in Node
 */
export async function openTorch(file: string): Promise<TorchFile | null> {
  const bytes = await readRegularFile(file).catch((cause: unknown) => {
    throw new KdError('CHECKPOINT_INVALID', `${file} could not be read: ${messageOf(cause)}.`, { cause });
  });
  if (torchContainer(bytes) === null) return null;
  throw new KdError(
    'CHECKPOINT_INVALID',
    `${file} is a checkpoint of torch, and a browser reads safetensors alone. Convert it once, with Node: kd convert FILE.pth FILE.safetensors`,
  );
}
