// On the page docs/writing-a-teacher.md.
import { defineConfig } from '@kd/core';
import pooled from './pooled.js';

export default defineConfig({
  student: ['retinanet', { backbone: 'resnet10', input: { minSize: 320, maxSize: 533 } }],
  teacher: pooled({ input: { fixedSize: [224, 224], mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } }),
  distillers: [['pkd', { adapter: 'conv1x1' }]],
  data: { train: { format: 'synthetic', images: 2000 }, val: { format: 'synthetic', images: 200, seed: 1 } },
  epochs: 12,
});
