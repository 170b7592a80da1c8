import type { NativeValues } from '../binding.js';
import type { TensorflowBackend } from '../kernels.js';

/**
 * The package reads at once and hands over a promise that is kept already. On a GPU that blocks the process until the
 * device is done, so another thread waits there. On a processor the values lie ready, and nothing is to be waited for.
 */
export function correctReads(backend: TensorflowBackend): TensorflowBackend {
  const { binding, tensorMap } = backend;
  if (!binding.isUsingGpuDevice()) return backend;
  return Object.assign(backend, {
    read: async (dataId: object): Promise<NativeValues> => {
      const { id, values } = tensorMap.get(dataId);
      return values ?? (await binding.tensorData(id));
    },
  });
}
