import type { CheckpointFormat, HostTensor } from '@kd/core';
import { importStateDict } from './import-weights.js';
import { writeSafetensors } from './safetensors.js';
import { refusedTensor } from './torch/read-tensors.js';
import { openWeights, type WeightsFile } from './weights-file.js';

/** Safetensors as core's checkpoint format; what torch saved is read, too. */
export const safetensorsFormat: CheckpointFormat = {
  name: 'safetensors',
  extension: '.safetensors',
  read: readWeights,
  write: (file, tensors, metadata) => writeSafetensors(file, tensors, metadata),
  importForeign: importStateDict,
};

async function readWeights(
  file: string,
  options: { readonly key?: string | undefined } = {},
): Promise<{ readonly tensors: Map<string, HostTensor>; readonly metadata: Readonly<Record<string, string>> }> {
  const weights = await openWeights(file, options);
  try {
    return { tensors: await readAll(weights), metadata: weights.metadata };
  } finally {
    await weights.close();
  }
}

/** All tensors; one whose numbers nobody can have is refused when somebody wants them. */
export async function readAll({ file, tensors, read }: WeightsFile): Promise<Map<string, HostTensor>> {
  const result = new Map<string, HostTensor>();
  const usable: string[] = [];
  for (const [name, { shape, refused }] of tensors)
    if (refused === null) usable.push(name);
    else
      result.set(name, {
        dtype: 'F32',
        shape,
        get data(): never {
          throw refusedTensor(file, name, refused);
        },
      });
  for await (const [name, tensor] of read(usable)) result.set(name, tensor);
  return result;
}
