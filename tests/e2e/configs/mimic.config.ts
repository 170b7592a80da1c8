import { defineConfig } from '@kd/core';
import mimic from './mimic.js';
import { tiny } from './tiny.js';

export default defineConfig({
  ...tiny,
  compile: true,
  epochs: 1,
  teacher: { weights: process.env.KD_E2E_TEACHER ?? '' },
  distillers: [mimic({ weight: 2 })],
});
