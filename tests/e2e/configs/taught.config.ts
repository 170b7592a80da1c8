import { defineConfig } from '@kd/core';
import { tiny } from './tiny.js';

const teacher = process.env.KD_E2E_TEACHER;

/** The same student with a teacher; the plugin by name, so that it is discovered. */
export default defineConfig({
  ...tiny,
  ...(teacher === undefined ? {} : { teacher: { weights: teacher } }),
  distillers: [['ssim', { weight: 1 }]],
});
