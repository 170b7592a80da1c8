import { Worker } from 'node:worker_threads';
import { KdError } from '@kd/core/plain';
import type { BatchJob, BatchResult, BatchSetup } from '../../loader/batch-job.js';
import type { BatchPool } from '../../loader/batch-pool.js';
import type { WorkerAnswer } from './worker.js';

interface Pending {
  readonly job: BatchJob;
  readonly resolve: (result: BatchResult) => void;
  readonly reject: (error: Error) => void;
}

/** Jobs that lie at one worker: it goes on with the second while this thread is held up by a training step. */
const IN_HAND = 2;

/** Makes batches in so many threads. */
export function threads(setup: BatchSetup, count: number): BatchPool {
  const waiting: Pending[] = [];
  const inHand = new Map<Worker, Map<number, Pending>>();
  let dead: Error | null = null;
  let number = 0;

  const dispatch = (): void => {
    while (waiting.length > 0) {
      const [worker, jobs] = [...inHand].reduce((least, next) => (next[1].size < least[1].size ? next : least));
      if (jobs.size >= IN_HAND) return;
      const pending = waiting.shift()!;
      jobs.set(number, pending);
      worker.postMessage({ number: number++, job: pending.job });
    }
  };
  const fail = (error: Error): void => {
    dead ??= error;
    for (const { reject } of [...[...inHand.values()].flatMap((jobs) => [...jobs.values()]), ...waiting]) reject(dead);
    inHand.forEach((jobs) => jobs.clear());
    waiting.length = 0;
  };
  for (let i = 0; i < count; i++) {
    const worker = new Worker(workerFile(), { workerData: setup, name: 'kd-data', execArgv: [] });
    const jobs = new Map<number, Pending>();
    inHand.set(worker, jobs);
    worker.on('message', (answer: WorkerAnswer) => {
      const pending = jobs.get(answer.number);
      jobs.delete(answer.number);
      if ('result' in answer) pending?.resolve(answer.result);
      else pending?.reject(new Error(`A worker of the loader failed: ${answer.failed}`));
      dispatch();
    });
    worker.on('error', (cause) => fail(new Error(`A worker of the loader ended: ${cause.message}`, { cause })));
    worker.on('exit', (code) => fail(new Error(`A worker of the loader ended by itself (exit code ${code}).`)));
    worker.unref();
  }
  const all = [...inHand.keys()];

  return {
    make: (job) =>
      new Promise((resolve, reject) => {
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
const workerFile = (): URL =>
  new URL(import.meta.url.endsWith('.ts') ? '../../../dist/host/node/worker.js' : './worker.js', import.meta.url);
