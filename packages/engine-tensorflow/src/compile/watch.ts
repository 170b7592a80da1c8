import type { CapturedTensor } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { TensorflowBackend } from '../kernels.js';
import { lineOf } from './offender.js';

/** A symbolic tensor that something keeps beyond its trace. */
export interface Outlived {
  readonly id: number;
  readonly shape: readonly number[];
  /** Who made it, as {@link WatchOptions.at} says, and where, as far as it was noted. */
  readonly at: string | null;
  readonly line: string;
  /** Gives it the values of another one. */
  give(id: number): void;
}

/** A tensor from before that a trace met. */
export interface Met extends CapturedTensor {
  /** Whether nobody but traced functions has it any more. */
  isGone(): boolean;
}

/** Notes which tensors a trace makes, and which from before it meets. */
export interface TensorWatch {
  /** Those made that something else than `own` still holds. */
  outlived(own: readonly tf.Tensor[]): readonly Outlived[];
  /** Those from before, or created with their values and kept; what was given to the function is none of them. */
  met(): readonly Met[];
  /** Keeps tensors from before, by their numbers, until the returned function is called. */
  hold(ids: readonly number[]): () => void;
  /** The error of the first value that was asked for as a promise: nobody may wait for that, and see it. */
  refusedRead(): Error | null;
  end(): void;
}

export interface WatchOptions {
  /** @see CompileOptions.at */
  readonly at?: (() => string | null) | undefined;
  /** Whether the lines are noted on which tensors are made, which takes time. */
  readonly lines?: boolean | undefined;
}

/** How often traced functions hold a tensor's data. */
const holds = new WeakMap<tf.DataId, number>();
const hold = (dataId: tf.DataId, by: number): void => void holds.set(dataId, (holds.get(dataId) ?? 0) + by);

/** Where something happened; the error is there for its stack. */
interface Place {
  readonly at: string | null;
  readonly error: Error | null;
}

export function watchTensors(backend: TensorflowBackend, { at, lines = false }: WatchOptions = {}): TensorWatch {
  const made = new Map<tf.DataId, Place>();
  /** With values from the start. */
  const created = new WeakSet<tf.DataId>();
  /** By number; each is held, since the function may dispose of what it reads. */
  const met = new Map<number, { readonly tensor: tf.Tensor; readonly place: Place; readonly before: boolean }>();
  const { createOutputTensor, getInputTensorIds, move, read } = backend;
  let refusedRead: Error | null = null;
  const place = (withLine: boolean): Place => ({ at: at?.() ?? null, error: withLine ? new Error() : null });
  backend.createOutputTensor = (metadata) => {
    const tensor = createOutputTensor.call(backend, metadata);
    made.set(tensor.dataId, place(lines));
    return tensor;
  };
  backend.move = (...given) => {
    created.add(given[0]);
    move.apply(backend, given);
  };
  backend.getInputTensorIds = (tensors) => {
    const ids = getInputTensorIds.call(backend, tensors);
    ids.forEach((id, i) => {
      if (backend.binding.isSymbolic(id) || met.has(id)) return;
      const { dataId } = tensors[i]!;
      const tensor = tf.keep(tf.engine().makeTensorFromTensorInfo(tensors[i] as tf.Tensor));
      const before = !created.has(dataId) && !made.has(dataId);
      met.set(id, { tensor, place: place(before), before });
      backend.incRef(dataId);
    });
    return ids;
  };
  backend.read = (dataId) => {
    const { id } = backend.tensorMap.get(dataId);
    if (!backend.binding.isSymbolic(id)) return read.call(backend, dataId);
    try {
      backend.binding.tensorDataSync(id);
    } catch (thrown) {
      const error = thrown as Error;
      const by = at?.() ?? null;
      if (by !== null) error.message = `${by}: ${error.message}`;
      refusedRead ??= error;
    }
    // It would be rejected where nobody looks, which ends the process.
    return new Promise(() => {});
  };
  return {
    refusedRead: () => refusedRead,
    outlived: (own) => {
      const ours = new Map<tf.DataId, number>();
      for (const { dataId } of own) ours.set(dataId, (ours.get(dataId) ?? 0) + 1);
      return [...made].flatMap(([dataId, { at: by, error }]) => {
        if (!backend.tensorMap.has(dataId) || backend.refCount(dataId) <= (ours.get(dataId) ?? 0)) return [];
        const data = backend.tensorMap.get(dataId);
        const give = (id: number): void => void (data.id = id);
        return [{ id: data.id, shape: data.shape, at: by, line: error === null ? '' : lineOf(error), give }];
      });
    },
    met: () =>
      [...met.values()].flatMap(({ tensor: { dataId, shape, size, dtype }, place: { at: by, error }, before }) => {
        const holders = (): number => backend.refCount(dataId) - (holds.get(dataId) ?? 0);
        if (!before && holders() <= 1) return [];
        const bytes = size * tf.util.bytesPerElement(dtype);
        const line = error === null ? '' : lineOf(error);
        return [{ shape, bytes, at: by, line, isGone: () => holders() <= 0 }];
      }),
    hold: (ids) => {
      const held = ids.map((id) => met.get(id)!.tensor);
      for (const id of ids) met.delete(id);
      for (const { dataId } of held) hold(dataId, 1);
      return () => {
        for (const { dataId } of held) hold(dataId, -1);
        tf.dispose(held);
      };
    },
    end: () => {
      Object.assign(backend, { createOutputTensor, getInputTensorIds, move, read });
      tf.dispose([...met.values()].map(({ tensor }) => tensor));
    },
  };
}
