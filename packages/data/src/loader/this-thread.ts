import { type BatchSetup, createBatchMaker } from './batch-job.js';
import type { BatchPool } from './batch-pool.js';

export const thisThread = (setup: BatchSetup): BatchPool => ({
  make: createBatchMaker(setup),
  hold: () => {},
  release: () => {},
  close: async () => {},
});
