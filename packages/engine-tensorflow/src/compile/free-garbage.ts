import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Binding } from '../binding.js';

/** Less than this is not worth a collection. */
const MUCH = 32 << 20;
let collect: (() => void) | undefined;

/**
 * Frees what building a model and tracing it left on the host, above all values of weights that are on the device now.
 * Graphs allocate nothing in V8, so that by itself it would keep them beside the whole training.
 */
export function freeGarbage(binding: Binding): void {
  if (process.memoryUsage().arrayBuffers < MUCH) return;
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  // V8 frees the buffers of arrays that one collection finds at the next.
  for (let i = 0; i < 2; i++) collect();
  binding.trimMemory();
}
