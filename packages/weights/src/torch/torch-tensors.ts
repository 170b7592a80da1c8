import { type HostTensor, KdError } from '@kd/core';
import { lazyTensor } from '../layout/lazy-tensor.js';
import type { TorchStorage, TorchTensor } from './pickle-value.js';
import { refusal, tensorValues } from './tensor-values.js';
import { TORCH_DTYPES } from './torch-dtypes.js';
import type { Room, TorchFile } from './torch-file.js';

/**
 * Tensors of a file whose numbers are read when somebody asks for them. A storage that several tensors share is read
 * once as long as one of them is in use. Numbers that nobody can have are an error then.
 */
export function torchTensors(
  file: TorchFile,
  tensors: ReadonlyMap<string, TorchTensor>,
  where: string,
): Map<string, HostTensor> {
  const users = new Map<string, number>();
  for (const { storage } of tensors.values())
    if (storage !== null) users.set(idOf(storage), (users.get(idOf(storage)) ?? 0) + 1);
  const kept = new Map<string, WeakRef<Uint8Array>>();
  let passing = new Uint8Array();
  const passingRoom: Room = (bytes) => {
    if (passing.length < bytes) passing = new Uint8Array(bytes);
    return passing.subarray(0, bytes);
  };
  const bytesOf = (storage: TorchStorage, room?: Room): Uint8Array => {
    const id = idOf(storage);
    if (users.get(id) === 1) return file.readStorage(storage, room);
    const bytes = kept.get(id)?.deref() ?? file.readStorage(storage);
    kept.set(id, new WeakRef(bytes));
    return bytes;
  };
  return new Map(
    [...tensors].map(([name, tensor]): [string, HostTensor] => {
      const { dtype, shape, storage } = tensor;
      const why = refusal(tensor);
      const read = (room?: Room): HostTensor['data'] => {
        if (why !== null || storage === null) throw refused(where, name, why ?? 'without values');
        return tensorValues(tensor, bytesOf(storage, room)).data;
      };
      const lazy = lazyTensor(
        { dtype: TORCH_DTYPES[dtype]!.host ?? 'F32' },
        shape,
        () => read(),
        () => read(passingRoom),
      );
      return [name, lazy];
    }),
  );
}

const refused = (file: string, name: string, why: string): KdError =>
  new KdError(
    'CHECKPOINT_INVALID',
    `${file}: its tensor "${name}" is ${why}, and no model here has such numbers. Convert it in torch, with x.dequantize(), x.to_dense() or x.float(), or leave it out.`,
  );

const idOf = ({ key, start, elements }: TorchStorage): string => `${key} ${start} ${elements}`;
