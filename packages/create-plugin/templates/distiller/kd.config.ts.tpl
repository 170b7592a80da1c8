import { defineConfig } from '@kd/core';
import { {{camel}} } from './src/index.js';
import teacher, { small } from './teacher.config.js';

/** A smaller student of the same make, taught by the teacher that `npm run teacher` has trained. */
export default defineConfig({
  ...teacher,
  student: small(8),
  teacher: { weights: 'runs/teacher' },
  distillers: [{{camel}}({ weight: 1, schedule: { warmup: 20 } })],
});
