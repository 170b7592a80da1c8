// The demo's student, trained alone, with as many seeds as the bench `compare` wants runs.
import { defineStudy } from '@kd/core';
import { batchSize, data, student, training } from '../../examples/demo/settings.mjs';

export default defineStudy({
  student: {
    ...training,
    ...{ student, batchSize, data },
    epochs: Number(process.env.KD_BENCH_EPOCHS ?? 4),
    evaluate: { every: 0 },
    checkpoint: { every: 100 },
    log: { every: 20 },
  },
  variants: { alone: {} },
  seeds: Array.from({ length: Number(process.env.KD_BENCH_RUNS ?? 12) }, (_, seed) => seed),
});
