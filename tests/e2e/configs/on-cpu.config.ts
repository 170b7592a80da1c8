// So small that TensorFlow.js' plain engine, which it names, trains it in seconds.
import { defineConfig } from '@kd/core';

const data = { format: 'synthetic', images: 2, size: 64, seed: 1, classes: ['striped-disk'] };

export default defineConfig({
  engine: 'cpu',
  student: [
    'retinanet',
    {
      backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 4 },
      norm: 'group',
      fpnChannels: 8,
      extra: 'none',
      head: { depth: 1 },
      input: { fixedSize: [64, 64] },
    },
  ],
  data: { train: data, val: data },
  epochs: 1,
  batchSize: 2,
});
