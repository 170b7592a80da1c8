// The whole of it on pictures that need no download: a teacher, a student alone, the same student with the teacher's
// help.
//
//   npm run demo                       one seed
//   npm run demo -- --seed 3           another one
//   npm run demo -- --seeds 0,1,2      several, and their mean
//
// The numbers are in demo/settings.mjs.
import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ports } from '@kd/cli';
import { defineConfig, Trainer } from '@kd/core';
import { columns, duration, jsonLines, terminal } from '@kd/report';
import { batchSize, data, distillers, epochs, student, teacher, training } from './demo/settings.mjs';

const { values } = parseArgs({
  options: { seed: { type: 'string' }, seeds: { type: 'string' }, out: { type: 'string' } },
});
const seeds = (values.seeds ?? values.seed ?? '0').split(',').map(Number);
if (!seeds.every(Number.isSafeInteger))
  throw new Error(`--seeds ${values.seeds ?? values.seed}: expected whole numbers, such as 0,1,2`);
const out = values.out ?? freshFolder(join('runs', 'demo'));
const began = performance.now();

/** Trains one model in a folder of its own and evaluates it at the end. */
async function train(name, seed, config) {
  const folder = join(out, `seed-${seed}`, name);
  process.stderr.write(`\n== ${name}, seed ${seed}\n`);
  const whole = defineConfig({
    ...training,
    batchSize,
    data,
    seed,
    evaluate: { every: 0 },
    checkpoint: { every: 100 },
    log: { every: 20 },
    ...config,
  });
  const summary = await new Trainer(whole, {
    ...ports,
    out: folder,
    folder: fileURLToPath(new URL('.', import.meta.url)),
    listeners: [terminal(), jsonLines()],
  }).fit();
  return { name, folder, ...summary };
}

const runs = [];
for (const seed of seeds) {
  const taught = await train('teacher', seed, { student: teacher, epochs: epochs.teacher });
  const weights = resolve(taught.folder);
  runs.push(taught);
  runs.push(await train('student-alone', seed, { student, epochs: epochs.student }));
  runs.push(await train('student-ssim', seed, { student, epochs: epochs.student, teacher: { weights }, distillers }));
}

const percent = (value) => (100 * value).toFixed(1);
const row = ({ name, seed, metrics, student: model, minutes, folder }) => [
  name,
  String(seed),
  percent(metrics.AP),
  percent(metrics.AP50),
  percent(metrics.AP75),
  `${(model.parameters / 1e3).toFixed(0)} k`,
  minutes.toFixed(1),
  relative('.', folder),
];
const lines = [['model', 'seed', 'AP', 'AP50', 'AP75', 'parameters', 'minutes', 'run'], ...runs.map(row)];
if (seeds.length > 1) {
  const mean = (name, metric) =>
    percent(
      runs.filter((run) => run.name === name).reduce((sum, { metrics }) => sum + metrics[metric] / seeds.length, 0),
    );
  for (const name of ['teacher', 'student-alone', 'student-ssim'])
    lines.push([name, 'mean', ...['AP', 'AP50', 'AP75'].map((metric) => mean(name, metric)), '', '', '']);
}
process.stdout.write(
  `\nCOCO average precision on ${data.val.images} pictures that no model was trained on, in percent:\n\n${columns(lines).join('\n')}\n\nall of it took ${duration((performance.now() - began) / 1000)}\n`,
);

/** `runs/demo`, or `runs/demo-2`, … : an earlier demo is left as it is. */
function freshFolder(path) {
  for (let n = 1; ; n++) {
    const folder = n === 1 ? path : `${path}-${n}`;
    if (!existsSync(folder)) return folder;
  }
}
