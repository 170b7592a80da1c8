import type { BatchMaker } from './batch-job.js';

/** Makes batches, in worker threads or in this one. */
export interface BatchPool {
  readonly make: BatchMaker;
  /** Threads keep the process alive only between `hold` and `release`, that is while somebody waits for a batch. */
  hold(): void;
  release(): void;
  close(): Promise<void>;
}
