import type { Config } from '@kd/core';

/**
 * A network and a data set so small that an epoch takes a second; it learns next to nothing. To compile its step takes
 * longer than its steps: cli-train.test.ts does.
 */
export const tiny = {
  student: [
    'retinanet',
    {
      backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 8 },
      norm: 'frozen',
      trainableLayers: 5,
      fpnChannels: 16,
      extra: 'none',
      head: { depth: 1, channels: 16 },
      input: { fixedSize: [64, 64] },
      anchors: { sizes: [[12], [24], [48]] },
    },
  ],
  data: {
    train: { format: 'synthetic', images: 24, size: 64, seed: 1, classes: ['striped-disk', 'speckled-ring'] },
    val: { format: 'synthetic', images: 6, size: 64, seed: 2, classes: ['striped-disk', 'speckled-ring'] },
    augment: [{ name: 'flip' }],
    workers: 0,
  },
  epochs: 2,
  batchSize: 4,
  optimizer: { name: 'sgd', lr: 0.01, momentum: 0.9, weightDecay: 1e-4 },
  schedule: { kind: 'cosine', warmup: { steps: 3 } },
  ema: { decay: 0.9 },
  log: { every: 2 },
  compile: false,
} satisfies Config;
