import { threads } from '#host/threads';
import type { BatchSetup } from './batch-job.js';
import type { BatchPool } from './batch-pool.js';
import { thisThread } from './this-thread.js';

/** Pictures in memory stay in this thread: each worker would have a copy of them all. */
export const createPool = (setup: BatchSetup, workers: number): BatchPool =>
  workers === 0 || setup.pixels.kind === 'memory' ? thisThread(setup) : threads(setup, workers);
