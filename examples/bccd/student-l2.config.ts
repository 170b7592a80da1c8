import { defineConfig } from '@kd/core';
import { epochs, student, training, weights } from './common.js';

/** The baseline that SSIM is measured against: the plain squared distance of the same features. */
export default defineConfig({
  ...training,
  student,
  epochs: epochs.student,
  teacher: { weights },
  distillers: [['ssim', { loss: 'l2' }]],
});
