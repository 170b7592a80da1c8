import { Worker } from 'node:worker_threads';
import { KdError } from '@kd/core';
import { createBatchMaker, type BatchJob, type BatchMaker, type BatchResult, type BatchSetup } from './batch-job.js';
import type { WorkerAnswer } from './worker.js';

/** Makes batches, in worker threads or in this one. */
export interface BatchPool {
  readonly make: BatchMaker;
  /** Threads keep the process alive only between `hold` and `release`, that is while somebody waits for a batch. */
  hold(): void;
  release(): void;
  close(): Promise<void>;
}

export function createPool(setup: BatchSetup, workers: number): BatchPool {
  return workers === 0 ? thisThread(setup) : threads(setup, workers);
}

function thisThread(setup: BatchSetup): BatchPool {
  return { make: createBatchMaker(setup), hold: () => {}, release: () => {}, close: async () => {} };
}

interface Pending {
  readonly job: BatchJob;
  readonly resolve: (result: BatchResult) => void;
  readonly reject: (error: Error) => void;
}

function threads(setup: BatchSetup, count: number): BatchPool {
  const waiting: Pending[] = [];
  const busy = new Map<Worker, Pending>();
  const idle: Worker[] = [];
  let dead: Error | null = null;
  let number = 0;

  const dispatch = (): void => {
    while (idle.length > 0 && waiting.length > 0) {
      const worker = idle.pop()!;
      const pending = waiting.shift()!;
      busy.set(worker, pending);
      worker.postMessage({ number: number++, job: pending.job });
    }
  };
  const fail = (error: Error): void => {
    dead ??= error;
    for (const { reject } of [...busy.values(), ...waiting]) reject(dead);
    busy.clear();
    waiting.length = 0;
  };
  const all = Array.from({ length: count }, () => {
    const worker = new Worker(workerFile(), { workerData: setup, name: 'kd-data', execArgv: [] });
    worker.on('message', (answer: WorkerAnswer) => {
      const pending = busy.get(worker);
      busy.delete(worker);
      idle.push(worker);
      if ('result' in answer) pending?.resolve(answer.result);
      else pending?.reject(new Error(`A worker of the loader failed: ${answer.failed}`));
      dispatch();
    });
    worker.on('error', (cause) => fail(new Error(`A worker of the loader ended: ${cause.message}`, { cause })));
    worker.on('exit', (code) => fail(new Error(`A worker of the loader ended by itself (exit code ${code}).`)));
    worker.unref();
    idle.push(worker);
    return worker;
  });

  return {
    make: (job) => new Promise((resolve, reject) => {
      if (dead !== null) return reject(dead);
      waiting.push({ job, resolve, reject });
      dispatch();
    }),
    hold: () => all.forEach((worker) => worker.ref()),
    release: () => all.forEach((worker) => worker.unref()),
    close: async () => {
      fail(new KdError('USAGE', 'The loader was closed while a batch was being waited for.'));
      await Promise.all(all.map((worker) => worker.terminate()));
    },
  };
}

/** The built file, also where this module is run from its TypeScript source (which threads cannot load). */
const workerFile = (): URL => new URL(import.meta.url.endsWith('.ts') ? '../../dist/loader/worker.js' : './worker.js', import.meta.url);
