import * as tf from '@tensorflow/tfjs-core';
import type { TensorflowBackend } from '../kernels.js';

/** A symbolic tensor that something keeps beyond its trace. */
export interface Outlived {
  readonly id: number;
  readonly shape: readonly number[];
  /** Gives it the values of another one. */
  give(id: number): void;
}

/** Notes which tensors a trace makes, and which from before it meets. */
export interface TensorWatch {
  /** Those made that something else than `own` still holds. */
  outlived(own: readonly tf.Tensor[]): readonly Outlived[];
  /** Keeps tensors from before, by their numbers, until `release`. */
  hold(ids: readonly number[]): { readonly bytes: number; release(): void };
  end(): void;
}

export function watchTensors(backend: TensorflowBackend): TensorWatch {
  const made: tf.DataId[] = [];
  /** By number; each is held, since the function may dispose of what it reads. */
  const met = new Map<number, tf.Tensor>();
  const { createOutputTensor, getInputTensorIds } = backend;
  backend.createOutputTensor = (metadata) => {
    const tensor = createOutputTensor.call(backend, metadata);
    made.push(tensor.dataId);
    return tensor;
  };
  backend.getInputTensorIds = (tensors) => {
    const ids = getInputTensorIds.call(backend, tensors);
    ids.forEach((id, i) => {
      if (backend.binding.isSymbolic(id) || met.has(id)) return;
      met.set(id, tf.keep(tf.engine().makeTensorFromTensorInfo(tensors[i] as tf.Tensor)));
      backend.incRef(tensors[i]!.dataId);
    });
    return ids;
  };
  return {
    outlived: (own) => {
      const ours = new Map<tf.DataId, number>();
      for (const { dataId } of own) ours.set(dataId, (ours.get(dataId) ?? 0) + 1);
      return made.flatMap((dataId) => {
        if (!backend.tensorMap.has(dataId) || backend.refCount(dataId) <= (ours.get(dataId) ?? 0)) return [];
        const data = backend.tensorMap.get(dataId);
        return [{ id: data.id, shape: data.shape, give: (id: number) => void (data.id = id) }];
      });
    },
    hold: (ids) => {
      const held = ids.map((id) => met.get(id)!);
      for (const id of ids) met.delete(id);
      return {
        bytes: held.reduce((sum, { size, dtype }) => sum + size * tf.util.bytesPerElement(dtype), 0),
        release: () => void tf.dispose(held),
      };
    },
    end: () => {
      backend.createOutputTensor = createOutputTensor;
      backend.getInputTensorIds = getInputTensorIds;
      tf.dispose([...met.values()]);
    },
  };
}
