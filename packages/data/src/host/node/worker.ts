import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '@kd/core/plain';
import sharp from 'sharp';
import { createBatchMaker, type BatchJob, type BatchResult, type BatchSetup } from '../../loader/batch-job.js';

/** What a worker answers to the job of that number. */
export type WorkerAnswer = { readonly number: number } & (
  | { readonly result: BatchResult }
  | { readonly failed: string }
);

// One thread an image is enough: several images are decoded at a time, and the rest of the machine belongs to the
// engine.
sharp.concurrency(1);
sharp.cache(false);

const port = parentPort!;
const make = createBatchMaker(workerData as BatchSetup);
let last: Promise<void> = Promise.resolve(); // one after the other: the first is wanted first
port.on('message', ({ number, job }: { number: number; job: BatchJob }) => {
  last = last
    .then(() => make(job))
    .then(
      (result) =>
        port.postMessage({ number, result } satisfies WorkerAnswer, 'batch' in result ? buffers(result.batch) : []),
      (thrown: unknown) => port.postMessage({ number, failed: messageOf(thrown) } satisfies WorkerAnswer),
    );
});

/** Moved to the other thread, not copied. */
const buffers = ({
  images,
  boxes,
  labels,
  mask,
  extra = [],
}: Extract<BatchResult, { batch: unknown }>['batch']): ArrayBuffer[] =>
  [images, boxes, labels, mask, ...extra.map(({ data }) => data)].map(({ buffer }) => buffer as ArrayBuffer);
