// A student of a tenth, alone and taught by SSIM; L2 of the same maps to compare with.
//
//   KD_DATA=/path/to/bccd pnpm kd compare examples/bccd/bccd.study.ts --out runs/bccd
import { defineStudy } from '@kd/core';
import { epochs, split, student, training } from './common.js';

export default defineStudy({
  student: { ...training, student, epochs: epochs.student },
  teachers: { large: 'teacher.config.ts' },
  variants: {
    alone: {},
    ssim: { distillers: ['ssim'] },
    l2: { distillers: [['ssim', { loss: 'l2' }]] },
  },
  test: split('test'),
});
