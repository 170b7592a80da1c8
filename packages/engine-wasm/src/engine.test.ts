import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as threads from 'node:worker_threads';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { plainAfter } from '../../../tests/plain-after.js';
import { wasm } from './engine.js';
import { usualThreads } from './host/node/machine.js';

plainAfter();

const handlers = () =>
  (['uncaughtException', 'unhandledRejection'] as const).map((event) =>
    process.listeners(event as 'uncaughtException'),
  );

it('starts once, leaves the handlers of the process as they were, and is current', async () => {
  const before = handlers();
  const info = await wasm({ threads: 2 }).start();
  expect(info).toMatchObject({ name: 'wasm', backend: 'wasm', device: 'cpu', library: null, threads: 2 });
  // One beside that which asks, whatever the number of processors.
  const { PThread } = (tf.backend() as BackendWasm).wasm as unknown as { PThread: { runningWorkers: unknown[] } };
  expect(PThread.runningWorkers).toHaveLength(1);
  expect(await wasm({ threads: 1 }).start(), 'the options of the first start count').toBe(info);
  expect(tf.getBackend()).toBe('wasm');
  expect(handlers()).toEqual(before);
});

it.each([0, -1, 1.5, NaN])('refuses %s threads', (threads) => {
  expect(() => wasm({ threads })).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
});

it.each(['', '0', '-3', 'many'])('has a thread for two processors where TF_NUM_INTRAOP_THREADS is "%s"', (said) => {
  vi.stubEnv('TF_NUM_INTRAOP_THREADS', said);
  expect(usualThreads()).toBe(Math.max(1, Math.floor(availableParallelism() / 2)));
  vi.unstubAllEnvs();
});

it('refuses a tensor that there is no room for, instead of writing to address 0, and computes on', () => {
  const backend = tf.backend() as BackendWasm;
  const made: tf.TensorInfo[] = [];
  const fill = (): void => {
    // Their memory is not touched: the machine need not have it.
    for (let i = 0; i < 20; i++) made.push(backend.makeOutput([2 ** 27], 'float32'));
  };
  expect(fill).toThrow(
    expect.objectContaining({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringMatching(/no room for another tensor of 512\.0 MB: .* 4 GB/) as string,
    }) as Error,
  );
  expect(made.length).toBeLessThan(8);
  for (const { dataId } of made) backend.disposeData(dataId, true);
  expect(tf.sum(tf.fill([1000], 2)).dataSync()[0]).toBe(2000);
});

it('pools no -Infinity out of what is no number, and frees what it tried', () => {
  const { numTensors, numDataBuffers } = tf.memory();
  const x = tf.tensor4d([NaN, 1, 2, 3, 1, NaN, 1, 1], [1, 2, 4, 1]);
  const pooled = tf.maxPool(x, 2, 2, 'valid');
  expect([...pooled.dataSync()]).toEqual([1, 3]);
  const none = tf.tensor4d([NaN, -Infinity, 2], [1, 1, 3, 1]);
  const convolved = tf.tidy(() => tf.conv2d(none, tf.ones([1, 1, 1, 1]) as tf.Tensor4D, 1, 'valid').dataSync());
  expect([...convolved]).toEqual([NaN, -Infinity, 2]);
  tf.dispose([x, pooled, none]);
  expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
});

it('frees what its kernels make on the way', () => {
  const x = tf.randomNormal([1, 8, 8, 2]) as tf.Tensor4D;
  const filter = tf.randomNormal([3, 3, 2, 4]) as tf.Tensor4D;
  const step = (): void =>
    tf.dispose(tf.grads((a, b) => tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 2, 1))([x, filter]));
  step();
  const { numTensors, numDataBuffers } = tf.memory();
  for (let i = 0; i < 3; i++) step();
  expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
});

it('computes in the memory of the newest start, where a second copy of the engine starts in a process', async () => {
  const before = handlers();
  vi.resetModules();
  await (await import('./engine.js')).wasm().start();
  expect(handlers(), 'nor does the one before take handlers of others with it').toEqual(before);
  const x = tf.tensor1d([1, 2, 3]);
  expect([...tf.reverse(x).dataSync()]).toEqual([3, 2, 1]);
  const ones = tf.ones<tf.Rank.R4>([1, 4, 4, 2]);
  expect(tf.sum(tf.conv2d(ones, tf.ones([3, 3, 2, 1]), 2, 'same')).dataSync()[0]).toBe(50);
});

it('lets a process end whose threads have computed', () => {
  const script = `(async () => {
    const [tf, { wasm }] = await Promise.all([import('@tensorflow/tfjs-core'), import('@kd/engine-wasm')]);
    await wasm({ threads: 3 }).start();
    console.log(tf.tidy(() => tf.sum(tf.matMul(tf.ones([200, 200]), tf.ones([200, 200]))).dataSync()[0]));
  })()`;
  const { stdout, status } = spawnSync(process.execPath, ['-e', script], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    encoding: 'utf8',
    timeout: 50_000,
  });
  expect(stdout).toBe('8000000\n');
  expect(status).toBe(0);
});

it('ends a process whose thread fails within a kernel, with one error, instead of waiting for it for ever', () => {
  // The thread runs what a module's would: here it throws, while the one that started it waits.
  const script = `
    const { Worker } = require('node:worker_threads');
    const thread = new Worker(process.argv[1]);
    const urlOrBlob = process.argv[2];
    thread.once('message', () => {
      thread.postMessage({ cmd: 'run' });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });
    thread.postMessage({ cmd: 'load', handlers: [], urlOrBlob, wasmMemory: { buffer: new SharedArrayBuffer(8) } });`;
  const module = join(mkdtempSync(join(tmpdir(), 'kd-thread-')), 'module.js');
  writeFileSync(
    module,
    `globalThis.WasmBackendModuleThreadedSimd = (module) => {
       module.__emscripten_thread_init = () => { throw new Error('memory access out of bounds'); };
       self.startWorker(module);
     };`,
  );
  const thread = fileURLToPath(new URL('../worker/thread.mjs', import.meta.url));
  const { stderr, signal } = spawnSync(process.execPath, ['-e', script, thread, module], {
    encoding: 'utf8',
    timeout: 50_000,
    killSignal: 'SIGTERM',
  });
  expect(stderr).toMatch(
    /^error \[ENGINE_UNAVAILABLE\] a thread of the engine wasm failed within a kernel \(memory access out of bounds\).* --resume\.\n$/,
  );
  expect(signal).toBe('SIGKILL');
});

describe('where workers do not start', () => {
  const workers = createRequire(import.meta.url)('node:worker_threads') as { Worker: unknown };
  const { Worker } = workers as typeof threads;
  afterEach(() => void (workers.Worker = Worker));

  it.each([
    class extends Worker {
      constructor() {
        super(`throw new Error('no room for a thread')`, { eval: true });
      }
    },
    function denied() {
      throw new Error('no room for a thread');
    },
  ])('runs on one thread and says so, or refuses as many as were asked for', async (failing) => {
    workers.Worker = failing;
    vi.resetModules();
    const { wasm: fresh } = await import('./engine.js');
    const { consoleLogger } = await import('@kd/core');
    await expect(fresh({ threads: 4 }).start()).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringMatching(/^wasm\(\{ threads: 4 \}\) needs threads, .*\(no room for a thread\)/) as string,
    });
    vi.stubEnv('TF_NUM_INTRAOP_THREADS', '2');
    const told = vi.spyOn(consoleLogger, 'info').mockImplementation(() => undefined);
    expect(await fresh().start()).toMatchObject({ threads: 1 });
    vi.unstubAllEnvs();
    expect(told.mock.calls).toEqual([
      [expect.stringContaining('one thread: workers of the process do not start here')],
    ]);
    expect(tf.sum(tf.ones([3])).dataSync()[0]).toBe(3);
  });
});
