// The student alone and taught, in float32, with a teacher in bfloat16, and in mixed precision: what it costs in AP.
// Needs a processor that multiplies bfloat16 (kd doctor).
//
//   KD_DATA=/path/to/bccd pnpm kd compare examples/bccd/precision.study.ts --out runs/bccd-precision
import { defineStudy } from '@kd/core';
import { split } from './common.js';
import { kept, student, training } from './dense/models.js';

const crosskd = { distillers: ['crosskd'] };

export default defineStudy({
  student: { ...training, student: student('retinanet'), teacher: kept('retinanet'), epochs: 12 },
  variants: {
    alone: {},
    'alone-mixed': { precision: 'mixed' },
    crosskd,
    'crosskd-teacher-bf16': { ...crosskd, precision: { teacher: 'bf16' } },
    'crosskd-mixed': { ...crosskd, precision: 'mixed' },
  },
  test: split('test'),
});
