import { KdError } from '@kd/core';
import type { WasmModule } from './module.js';

/** Bytes that WebAssembly can address: what its 32 bits reach, less one page. */
export const MEMORY_LIMIT = 4_294_901_760;

/** Turns an allocation that failed into an error: the back end would write to address 0 and go on. */
export function refuseFailedAllocations(module: WasmModule): void {
  // Its first call puts another function in this place, which would be in that of ours.
  module._free(module._malloc(1));
  const allocate = module._malloc.bind(module);
  module._malloc = (bytes) => {
    const at = allocate(bytes);
    if (at === 0 && bytes > 0)
      throw new KdError(
        'ENGINE_UNAVAILABLE',
        `the wasm engine has no room for another tensor of ${(bytes / 2 ** 20).toFixed(1)} MB: all tensors together have at most 4 GB there. Take a smaller batchSize or input, or, in Node, the engine tensorflow, which has the whole memory of the machine.`,
      );
    return at;
  };
}
