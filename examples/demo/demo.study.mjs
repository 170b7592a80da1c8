// The student alone, and taught in three ways: by features, by predictions, by prototypes.
//
//   pnpm kd compare examples/demo/demo.study.mjs --out runs/demo
import { defineStudy } from '@kd/core';
import { batchSize, data, epochs, methods, student, teacher, training } from './settings.mjs';

const common = {
  ...training,
  batchSize,
  data,
  evaluate: { every: 0 },
  checkpoint: { every: 100 },
  log: { every: 20 },
};

export default defineStudy({
  student: { ...common, student, epochs: epochs.student },
  teachers: { large: { ...common, student: teacher, epochs: epochs.teacher } },
  variants: methods,
  // npm run demo -- --seeds 0,1,2
  seeds: (process.env.KD_DEMO_SEEDS ?? '0').split(',').map(Number),
});
