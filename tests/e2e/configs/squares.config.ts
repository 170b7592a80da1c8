import { defineConfig } from '@kd/core';
import squares from './squares.js';
import { tiny } from './tiny.js';

/** A network of a few channels: alone, or with a teacher of its kind. Two steps. */
const student = squares({
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 8 },
  fpnChannels: 16,
  extra: 'none',
  depth: 2,
  anchorScale: 3,
  input: { fixedSize: [64, 64] },
});
const weights = process.env.KD_E2E_TEACHER;

export default defineConfig({
  ...tiny,
  compile: true,
  epochs: 1,
  log: { every: 1 },
  student,
  data: { ...tiny.data, train: { ...tiny.data.train, images: 8 } },
  ...(weights === undefined ? {} : { teacher: { weights, detector: student }, distillers: ['crosskd', 'pkd'] }),
});
