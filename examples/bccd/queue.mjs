// Trains the teacher and every student of the results table, one after the other, and goes on where it was stopped:
// a run with a summary.json is done, one with checkpoints is resumed.
//
//   KD_DATA=/path/to/bccd node examples/bccd/queue.mjs [--out runs/bccd] [--seeds 0,1,2]
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { out: { type: 'string', default: 'runs/bccd' }, seeds: { type: 'string', default: '0,1,2' } } });
const students = ['student-alone', 'student-ssim', 'student-l2'];
const teacher = join(values.out, 'teacher');

train('teacher', teacher, '0');
for (const seed of values.seeds.split(',')) for (const name of students) train(name, join(values.out, `${name}-${seed}`), seed);

function train(name, out, seed) {
  if (existsSync(join(out, 'summary.json'))) return;
  const started = existsSync(join(out, 'checkpoints')) && readdirSync(join(out, 'checkpoints')).some((file) => file.startsWith('step-'));
  const args = ['packages/cli/dist/bin.js', 'train', `examples/bccd/${name}.config.ts`, '--out', out, ...(started ? ['--resume'] : [])];
  process.stderr.write(`\n== ${args.slice(1).join(' ')} (seed ${seed})\n`);
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', env: { ...process.env, KD_SEED: seed, KD_TEACHER: resolve(teacher) } });
  if (status !== 0) process.exit(status ?? 1);
}
