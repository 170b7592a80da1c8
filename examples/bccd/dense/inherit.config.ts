import { join } from 'node:path';
import { defineConfig } from '@kd/core';
import { student, training } from './models.js';

const { KD_METHOD = 'fgd', KD_INHERIT = '' } = process.env;

/** By default ICD teaches the student from step 1000 on, and this is a short run. */
const OPTIONS: Readonly<Record<string, Record<string, unknown>>> = { icd: { schedule: { start: 0 } } };

/**
 * KD_METHOD: alone, fgd, mgd, icd or any other distiller, with its defaults; KD_INHERIT=neck,head starts the student
 * with these parts of the teacher, also alone.
 */
export default defineConfig({
  ...training,
  student: student('retinanet'),
  teacher: { weights: join(import.meta.dirname, 'retinanet-teacher.safetensors') },
  distillers: KD_METHOD === 'alone' ? [] : [[KD_METHOD, OPTIONS[KD_METHOD] ?? {}]],
  inherit: KD_INHERIT.split(',').filter((part) => part !== '') as ('neck' | 'head')[],
  epochs: 3,
});
