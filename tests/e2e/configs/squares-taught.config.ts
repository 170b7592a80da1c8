// The config of docs/writing-a-detector.md, as it stands there.
import { defineConfig } from '@kd/core';
import squares from './squares.js';

const input = { minSize: 320, maxSize: 533 };

export default defineConfig({
  student: squares({ backbone: 'resnet18', input }),
  teacher: { weights: 'runs/teacher', detector: squares({ backbone: 'resnet50', input }) },
  distillers: ['crosskd', ['pkd', { weight: 2 }]],
  data: { train: { format: 'synthetic', images: 2000 }, val: { format: 'synthetic', images: 200, seed: 1 } },
  epochs: 12,
});
