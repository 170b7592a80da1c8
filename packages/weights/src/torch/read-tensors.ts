import { type HostTensor, KdError } from '@kd/core';
import type { TorchStorage, TorchTensor } from './pickle-value.js';
import { refusal, tensorValues } from './tensor-values.js';
import type { TorchFile } from './torch-file.js';

/** The error of a tensor whose numbers nobody can have. */
export const refusedTensor = (file: string, name: string, why: string): KdError =>
  new KdError(
    'CHECKPOINT_INVALID',
    `${file}: its tensor "${name}" is ${why}, and no model here has such numbers. Convert it in torch, with x.dequantize(), x.to_dense() or x.float(), or leave it out.`,
  );

/**
 * Reads tensors one after the other, each storage once: one that several tensors share is kept until the last of them.
 * @throws KdError CHECKPOINT_INVALID for a tensor whose numbers nobody can have
 */
export async function* readTensors(
  file: TorchFile,
  tensors: ReadonlyMap<string, TorchTensor>,
  names: Iterable<string>,
  where: string,
): AsyncGenerator<readonly [name: string, tensor: HostTensor]> {
  const wanted = [...names].map((name) => [name, tensors.get(name)!] as const);
  const users = new Map<string, number>();
  for (const [name, tensor] of wanted) {
    const why = refusal(tensor);
    if (why !== null || tensor.storage === null) throw refusedTensor(where, name, why ?? 'without values');
    users.set(idOf(tensor.storage), (users.get(idOf(tensor.storage)) ?? 0) + 1);
  }
  const kept = new Map<string, Uint8Array>();
  for (const [name, tensor] of wanted) {
    const storage = tensor.storage!;
    const id = idOf(storage);
    const left = users.get(id)! - 1;
    users.set(id, left);
    const bytes = kept.get(id) ?? (await file.readStorage(storage));
    if (left > 0) kept.set(id, bytes);
    else kept.delete(id);
    yield [name, tensorValues(tensor, bytes)];
  }
}

const idOf = ({ key, start, elements }: TorchStorage): string => `${key} ${start} ${elements}`;
