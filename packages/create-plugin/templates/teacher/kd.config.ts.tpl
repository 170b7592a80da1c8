import { defineConfig } from '@kd/core';
import { {{camel}} } from './src/index.js';

const pictures = { format: 'synthetic', size: 96, sizes: [20, 60], classes: ['striped-disk', 'speckled-ring'] };

/** Pictures that are drawn when they are wanted, and a small network that learns from the features of the teacher as well. */
export default defineConfig({
  student: ['retinanet', { backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 8 }, fpnChannels: 32, extra: 'none', head: { depth: 1 }, input: { fixedSize: [96, 96] } }],
  teacher: {{camel}}({ input: { fixedSize: [96, 96], mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } }),
  distillers: [['pkd', { adapter: 'conv1x1' }]],
  data: { train: { ...pictures, images: 400, seed: 1 }, val: { ...pictures, images: 40, seed: 2 }, augment: [{ name: 'flip' }] },
  epochs: 4,
  batchSize: 8,
  optimizer: { name: 'adamw', lr: 2e-3, weightDecay: 1e-4 },
  log: { every: 10 },
});
