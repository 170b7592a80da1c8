import { join } from 'node:path';
import { type Config, defineConfig } from '@kd/core';
import { type Kind, student, training } from './models.js';

const { KD_KIND = 'gfl', KD_METHOD = 'alone', KD_TEACHER } = process.env;

/** What each KD_METHOD adds to the student; in the preset PKD has the weight of the CrossKD paper. */
const methods: Readonly<Record<string, Config['distillers']>> = {
  alone: [],
  crosskd: ['crosskd'],
  pkd: ['pkd'],
  both: ['crosskd+pkd'],
};
const distillers = methods[KD_METHOD];
if (distillers === undefined)
  throw new Error(`KD_METHOD is ${KD_METHOD}; it must be one of ${Object.keys(methods).join(', ')}.`);

/**
 * KD_KIND: gfl, fcos or retinanet; KD_TEACHER: another teacher than the one of this kind that lies here, a run folder
 * or weights, of any kind.
 */
export default defineConfig({
  ...training,
  student: student(KD_KIND as Kind),
  ...(distillers.length > 0 && {
    teacher: { weights: KD_TEACHER ?? join(import.meta.dirname, `${KD_KIND}-teacher.safetensors`) },
    distillers,
  }),
  epochs: 12,
});
