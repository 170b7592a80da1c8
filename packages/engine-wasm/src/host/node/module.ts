import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Factory, loaded, refuseWarning, type LoadedModule } from '../../module.js';
import type { WasmFiles } from '../../wasm-files.js';

/**
 * Loads the binary for Node, which TensorFlow.js itself runs on one thread alone there: its threads are workers that
 * have to be up before the first of them is waited for, since the wait blocks the loop that starts them.
 */
export async function loadModule(threads: number, _asked: boolean, _files?: WasmFiles): Promise<LoadedModule> {
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
          ? fileURLToPath(new URL('../../../worker/thread.mjs', import.meta.url))
          : join(folder, 'wasm-out', `${binary}.wasm`),
      mainScriptUrlOrBlob: script,
      printErr: refuseWarning,
    });
    await loaded(module);
  } finally {
    kept.restore();
  }
  return { module, threads };
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
