import { processorName, usualThreads } from '#host/machine';
import { loadModule } from '#host/module';
import {
  checkOptions,
  type Engine,
  type EngineCapabilities,
  type EngineInfo,
  KdError,
  kernelsOf,
  shown,
} from '@kd/core';
import { BackendWasm, setThreadsCount, version_wasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
// Imported for what it does: tfjs-core's Node build registers no gradients, the layers' build does.
import '@tensorflow/tfjs-layers';
import { registerKernels } from './kernels/register.js';
import { MEMORY_LIMIT, refuseFailedAllocations } from './limit-memory.js';
import { endIdleWorkers, type HasThreads, letProcessEnd, type LoadedModule, type WasmModule } from './module.js';
import type { WasmFiles } from './wasm-files.js';

export interface WasmOptions {
  /** Threads of one kernel, at most 8; also `TF_NUM_INTRAOP_THREADS`. Default: half of the processors. */
  readonly threads?: number;
  /** In a browser: where the binaries lie. Default: where the bundler has put them. */
  readonly files?: WasmFiles;
}

const MOST_THREADS = 8;

/**
 * The engine on WebAssembly: slower than native TensorFlow, and needs nothing but npm. One per process, the options of
 * the first `start` count.
 * @throws KdError USAGE for a number of threads that is none, and an option that there is not
 */
export function wasm(options: WasmOptions = {}): Engine {
  checkOptions(options, ['threads', 'files'], 'wasm()');
  const { threads, files } = options;
  if (threads !== undefined && !(Number.isInteger(threads) && threads > 0))
    throw new KdError('USAGE', `threads must be a whole number above 0, not ${shown(threads)}.`);
  const load = (): Promise<LoadedModule> =>
    loadModule(Math.min(threads ?? usualThreads(), MOST_THREADS), threads !== undefined, files);
  return { name: 'wasm', start: () => start(load), capabilities };
}

let started: Promise<EngineInfo> | undefined;
let info: EngineInfo | undefined;

async function start(load: () => Promise<LoadedModule>): Promise<EngineInfo> {
  started ??= startOnce(load);
  try {
    info = await started;
    if (tf.getBackend() !== 'wasm') await tf.setBackend('wasm');
    return info;
  } catch (error) {
    started = undefined;
    throw error;
  }
}

async function startOnce(load: () => Promise<LoadedModule>): Promise<EngineInfo> {
  const { module: bare, threads } = await load();
  const module = withNames(bare);
  refuseFailedAllocations(module);
  setThreadsCount(threads);
  // The package has registered one of a single thread when it was imported.
  tf.removeBackend('wasm');
  tf.registerBackend('wasm', () => new BackendWasm(module), 2);
  await tf.setBackend('wasm');
  letProcessEnd(module as HasThreads);
  await endIdleWorkers(module);
  registerKernels();
  return {
    name: 'wasm',
    backend: 'wasm',
    version: version_wasm,
    library: null,
    device: 'cpu',
    threads,
    memoryLimit: MEMORY_LIMIT,
  };
}

/** The functions that the back end calls by names of its own. */
function withNames(module: WasmModule): WasmModule {
  const named = (name: string, result: 'number' | null, parameters: number) =>
    module.cwrap(name, result, new Array<'number'>(parameters).fill('number'));
  return Object.assign(module, {
    tfjs: {
      init: named('init', null, 0),
      initWithThreadsCount: named('init_with_threads_count', null, 1),
      getThreadsCount: named('get_threads_count', 'number', 0),
      registerTensor: named('register_tensor', null, 3),
      disposeData: named('dispose_data', null, 1),
      dispose: named('dispose', null, 0),
    },
  });
}

/** @throws KdError USAGE before `start` */
function capabilities(): EngineCapabilities {
  if (info === undefined)
    throw new KdError('USAGE', 'what the wasm engine can do is known once it has started: await start() first.');
  return {
    kernels: kernelsOf('wasm'),
    syncReads: true,
    nativeOps: false,
    compile: false,
    precision: ['float32'],
    threads: info.threads,
    device: 'cpu',
    deviceName: processorName(),
    memoryLimit: MEMORY_LIMIT,
  };
}
