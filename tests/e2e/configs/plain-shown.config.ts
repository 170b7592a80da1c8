// On the page docs/writing-a-backbone.md.
import { defineConfig } from '@kd/core';
import { retinanet } from '@kd/detector-retinanet';
import plain from './plain.js';

export default defineConfig({
  student: retinanet({ backbone: plain({ width: 8 }), returnedLayers: [2, 3, 4] }), // strides 8, 16, 32
  data: { train: { format: 'synthetic', images: 2000 }, val: { format: 'synthetic', images: 200, seed: 1 } },
  epochs: 12,
});
