import { KdError } from '@kd/core';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';

/** The module under the back end, as far as we look into it. */
export type WasmModule = BackendWasm['wasm'] & {
  _malloc(bytes: number): number;
  cwrap(name: string, result: 'number' | null, parameters: readonly 'number'[]): (...given: number[]) => number;
};

interface Threads {
  unusedWorkers: (Worker & { readonly loaded?: boolean })[];
}
type Factory = (options: Readonly<Record<string, unknown>>) => Promise<WasmModule & { readonly PThread?: Threads }>;

/**
 * Loads the binary for Node, which TensorFlow.js itself runs on one thread alone there: its threads are workers that
 * have to be up before the first of them is waited for, since the wait blocks the loop that starts them.
 */
export async function nodeModule(threads: number): Promise<WasmModule> {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'));
  // For one thread a script loads two binaries, that with SIMD too, which every Node has.
  const [name, binary] =
    threads > 1
      ? ['tfjs-backend-wasm-threaded-simd', 'tfjs-backend-wasm-threaded-simd']
      : ['tfjs-backend-wasm', 'tfjs-backend-wasm-simd'];
  const script = join(folder, 'wasm-out', `${name}.js`);
  const factory = require(script) as Factory;
  const kept = processState();
  let module: Awaited<ReturnType<Factory>>;
  try {
    module = await factory({
      locateFile: (file: string) =>
        file.endsWith('.worker.js')
          ? fileURLToPath(new URL('../worker/thread.mjs', import.meta.url))
          : join(folder, 'wasm-out', `${binary}.wasm`),
      mainScriptUrlOrBlob: script,
      printErr: refuseWarning,
    });
    await loaded(module.PThread);
  } finally {
    kept.restore();
  }
  return module;
}

/** Ends the workers that no thread runs on: the module starts eight of them in any case. */
export async function endIdleWorkers(module: WasmModule): Promise<void> {
  const threads = (module as { readonly PThread?: Threads }).PThread;
  if (threads === undefined) return;
  const idle = threads.unusedWorkers.splice(0);
  await Promise.all(idle.map((worker) => worker.terminate()));
}

async function loaded(threads: Threads | undefined): Promise<void> {
  while (threads?.unusedWorkers.some((worker) => worker.loaded !== true))
    await new Promise((resolve) => setTimeout(resolve, 2));
}

/** A kernel that fails only writes a line and leaves whatever its output held: that must not go on as a result. */
function refuseWarning(line: string): never {
  throw new KdError(
    'ENGINE_UNAVAILABLE',
    `WebAssembly refused a kernel: ${line.trim()}. Most often its 4 GB of memory are full: take a smaller batchSize or input, or the engine tensorflow.`,
  );
}

/** What the module changes in the process while it loads: handlers of errors that would hide ours, and a global. */
function processState(): { restore(): void } {
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = new Map(events.map((event) => [event, process.listeners(event as 'uncaughtException')]));
  const worker = Object.getOwnPropertyDescriptor(globalThis, 'Worker');
  return {
    restore: () => {
      for (const [event, listeners] of before)
        for (const listener of process.listeners(event as 'uncaughtException'))
          if (!listeners.includes(listener)) process.removeListener(event, listener);
      if (worker === undefined) Reflect.deleteProperty(globalThis, 'Worker');
      else Object.defineProperty(globalThis, 'Worker', worker);
    },
  };
}
