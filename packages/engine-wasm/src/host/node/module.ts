import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { consoleLogger, KdError, messageOf } from '@kd/core';
import {
  endIdleWorkers,
  type Factory,
  type HasThreads,
  instantiating,
  loaded,
  type LoadedModule,
  refuseWarning,
  type WasmModule,
} from '../../module.js';
import type { WasmFiles } from '../../wasm-files.js';

/**
 * Loads the binary for Node: that of several threads where they start.
 * @param asked whether a person has said how many threads
 * @throws KdError ENGINE_UNAVAILABLE where as many were asked for and do not start
 */
export async function loadModule(threads: number, asked: boolean, _files?: WasmFiles): Promise<LoadedModule> {
  if (threads === 1) return { module: await load('tfjs-backend-wasm', threads), threads };
  try {
    return { module: await load('tfjs-backend-wasm-threaded-simd', threads), threads };
  } catch (cause) {
    const why = `workers of the process do not start here (${messageOf(cause)})`;
    if (asked)
      throw new KdError(
        'ENGINE_UNAVAILABLE',
        `wasm({ threads: ${threads} }) needs threads, but ${why}. Leave threads out, and it runs on one.`,
        { cause },
      );
    consoleLogger.info(`the engine wasm runs on one thread: ${why}.`);
    return { module: await load('tfjs-backend-wasm', 1), threads: 1 };
  }
}

/**
 * TensorFlow.js itself runs the binary on one thread alone in Node: its threads are workers that have to be up before
 * the first of them is waited for, since the wait blocks the loop that starts them.
 */
async function load(name: 'tfjs-backend-wasm' | 'tfjs-backend-wasm-threaded-simd', count: number): Promise<WasmModule> {
  const require = createRequire(import.meta.url);
  const folder = join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'wasm-out');
  // The script for one thread loads two binaries, that with SIMD too, which every Node has.
  const binary = name === 'tfjs-backend-wasm' ? 'tfjs-backend-wasm-simd' : name;
  const script = join(folder, `${name}.js`);
  const factory = require(script) as Factory;
  const { option, failure } = instantiating(await readFile(join(folder, `${binary}.wasm`)), count);
  const worker = Object.getOwnPropertyDescriptor(globalThis, 'Worker');
  const options: Parameters<Factory>[0] = {
    locateFile: (file: string) =>
      file.endsWith('.worker.js')
        ? fileURLToPath(new URL('../../../worker/thread.mjs', import.meta.url))
        : join(folder, file),
    ...option,
    mainScriptUrlOrBlob: script,
    printErr: refuseWarning,
  };
  try {
    const loading = withoutHandlers(() => factory(options));
    return await Promise.race([
      failure,
      workerFailure(options),
      loading.then(async (module) => (await loaded(module), module)),
    ]);
  } catch (error) {
    await endIdleWorkers(options);
    throw error;
  } finally {
    // A global that the module sets.
    if (worker === undefined) Reflect.deleteProperty(globalThis, 'Worker');
    else Object.defineProperty(globalThis, 'Worker', worker);
  }
}

/** Rejects where a worker fails before all of them are up. */
function workerFailure({ PThread: threads }: HasThreads): Promise<never> {
  return new Promise((_, fail) => {
    for (const worker of (threads?.unusedWorkers ?? []) as (Worker & { readonly loaded?: boolean })[]) {
      worker.once('error', fail);
      // The module calls this too, and sets one that throws, which nobody can catch.
      Object.defineProperty(worker, 'onerror', {
        get: () => (worker.loaded === true ? threadLost : fail),
        set: () => undefined,
      });
    }
  });
}

/** Uncaught: the kernel that waits for it never ends. */
function threadLost(cause: unknown): never {
  const why = `a thread of the engine wasm failed (${messageOf(cause)})`;
  throw new KdError('ENGINE_UNAVAILABLE', `${why}. Go on from the last checkpoint: --resume.`, { cause });
}

const EVENTS = ['uncaughtException', 'unhandledRejection'];

/**
 * Calls the module's script while the process has no handlers of errors, and puts them back in the place of its own,
 * which would hide ours: when its back end is disposed of it removes all that it has found, whoever set them.
 */
function withoutHandlers<T>(call: () => T): T {
  const before = EVENTS.map((event) => process.rawListeners(event) as (() => void)[]);
  for (const event of EVENTS) process.removeAllListeners(event);
  try {
    return call();
  } finally {
    for (const [i, event] of EVENTS.entries()) {
      process.removeAllListeners(event);
      for (const listener of before[i]!) process.on(event, listener);
    }
  }
}
