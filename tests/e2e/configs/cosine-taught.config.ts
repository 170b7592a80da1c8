// A config of docs/writing-a-plugin.md, as it stands there.
import { defineConfig } from '@kd/core';
import { cosine } from './cosine.js';

export default defineConfig({
  student: ['retinanet', { backbone: 'resnet18' }],
  teacher: { weights: 'runs/teacher' },
  distillers: [cosine({ weight: 2, schedule: { warmup: 500, decay: 'linear' } })],
  data: { train: { format: 'synthetic', images: 2000 }, val: { format: 'synthetic', images: 200, seed: 1 } },
  epochs: 12,
});
