// Trains the teacher and every student of the results table, one after the other, and goes on where it was stopped.
//
//   KD_DATA=/path/to/bccd node examples/bccd/queue.mjs [--out runs/bccd] [--seeds 0,1,2]
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { trainOnce } from './train-once.mjs';

const { values } = parseArgs({
  options: { out: { type: 'string', default: 'runs/bccd' }, seeds: { type: 'string', default: '0,1,2' } },
});
const teacher = join(values.out, 'teacher');

trainOnce('examples/bccd/teacher.config.ts', teacher, { KD_SEED: '0' });
for (const seed of values.seeds.split(',')) {
  for (const name of ['student-alone', 'student-ssim', 'student-l2']) {
    trainOnce(`examples/bccd/${name}.config.ts`, join(values.out, `${name}-${seed}`), {
      KD_SEED: seed,
      KD_TEACHER: resolve(teacher),
    });
  }
}
