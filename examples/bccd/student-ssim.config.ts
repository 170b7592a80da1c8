import { defineConfig } from '@kd/core';
import { epochs, student, training, weights } from './common.js';

export default defineConfig({
  ...training,
  student,
  epochs: epochs.student,
  teacher: { weights },
  distillers: ['ssim'],
});
