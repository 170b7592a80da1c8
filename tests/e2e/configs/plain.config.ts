import { defineConfig } from '@kd/core';
import { retinanet } from '@kd/detector-retinanet';
import plain from './plain.js';
import { tiny } from './tiny.js';

/** A network of a few channels on a backbone that no package declares: alone, or taught by one like it. Two steps. */
const student = retinanet({
  backbone: plain({ width: 4 }),
  fpnChannels: 8,
  extra: 'none',
  head: { depth: 1 },
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
  ...(weights === undefined ? {} : { teacher: { weights }, distillers: ['pkd'] }),
});
