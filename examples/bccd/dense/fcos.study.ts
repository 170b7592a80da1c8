//   KD_DATA=/path/to/bccd pnpm kd compare examples/bccd/dense/fcos.study.ts --out runs/bccd-fcos
import { defineStudy } from '@kd/core';
import { split } from '../common.js';
import { kept, student, training } from './models.js';

export default defineStudy({
  student: { ...training, student: student('fcos'), teacher: kept('fcos'), epochs: 12 },
  variants: { alone: {}, crosskd: { distillers: ['crosskd'] } },
  test: split('test'),
});
