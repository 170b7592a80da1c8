import type { BatchSetup } from '../../loader/batch-job.js';
import type { BatchPool } from '../../loader/batch-pool.js';
import { thisThread } from '../../loader/this-thread.js';

/** A page makes its batches in the thread that it trains in: it has them in memory, and nothing to decode. */
export const threads = (setup: BatchSetup, _count: number): BatchPool => thisThread(setup);
