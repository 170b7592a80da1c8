import { defineStudy } from '@kd/core';
import { tiny } from './tiny.js';

const [name, options] = tiny.student as [string, Record<string, unknown>];

/** For compare.test.ts, op by op: for a dozen steps that takes less. What a class is called is nobody's markup. */
const classes = ['striped-disk', 'speckled-ring'];
const data = { format: 'synthetic', size: 64, classes } as const;

export default defineStudy({
  student: {
    ...tiny,
    data: { ...tiny.data, train: { ...data, images: 12, seed: 1 }, val: { ...data, images: 6, seed: 2 }, workers: 0 },
    epochs: 2,
    compile: false,
    optimizer: { name: 'adamw', lr: 0.003 },
    evaluate: { every: 0 },
    log: { every: 1 },
  },
  teachers: {
    big: {
      ...tiny,
      student: [name, { ...options, backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 16 } }],
      data: { ...tiny.data, train: { ...data, images: 12, seed: 1 } },
      compile: false,
    },
  },
  variants: {
    alone: {},
    ssim: { distillers: ['ssim'] },
    more: { init: 'alone' },
    lost: { distillers: ['ssim'], teacher: { weights: 'nowhere.safetensors' } },
  },
  test: { ...data, images: 4, seed: 3 },
  seeds: [0],
});
