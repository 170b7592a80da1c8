import { defineConfig } from '@kd/core';
import { {{camel}} } from './src/index.js';

const pictures = { format: 'synthetic', size: 96, sizes: [20, 60], classes: ['striped-disk', 'speckled-ring'] };

/** Pictures that are drawn when they are wanted, and a network of a few channels that learns something about them in minutes. */
export default defineConfig({
  student: {{camel}}({ backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 8 }, fpnChannels: 32, extra: 'none', depth: 1, input: { fixedSize: [96, 96] } }),
  data: { train: { ...pictures, images: 400, seed: 1 }, val: { ...pictures, images: 40, seed: 2 }, augment: [{ name: 'flip' }] },
  epochs: 4,
  batchSize: 8,
  optimizer: { name: 'adamw', lr: 2e-3, weightDecay: 1e-4 },
  log: { every: 10 },
});
