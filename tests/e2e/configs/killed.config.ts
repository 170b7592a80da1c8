import { defineConfig } from '@kd/core';
import { tiny } from './tiny.js';

const data = { format: 'synthetic', size: 64, classes: ['striped-disk', 'speckled-ring'] };
const [name, options] = tiny.student as [string, Record<string, unknown>];

/** Four steps an epoch, and a few megabytes a checkpoint, so that a write takes a moment. For scripts/kill-test.mjs. */
export default defineConfig({
  ...tiny,
  student: [name, { ...options, backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 32 } }],
  data: { ...tiny.data, train: { ...data, images: 8, seed: 1 }, val: { ...data, images: 2, seed: 2 }, workers: 0 },
  epochs: 4,
  batchSize: 2,
  log: { every: 1 },
  // As a user's run, which updates its weights in place.
  compile: true,
});
