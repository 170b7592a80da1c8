// The whole of it on pictures that need no download: a teacher, a student alone, the same student with the teacher's
// help in three ways; then the gain of each.
// How it is called: demo/help.mjs. On an engine other than TensorFlow it is --quick, unless --all is given: a step of the
// teacher takes 1.5 s of processor time on WebAssembly, one of a student 0.7 s and more.
//
// What is trained is in demo/demo.study.mjs, the numbers are in demo/settings.mjs.
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { main } from '@kd/cli';
import { isKdError, resolveEngine, startedEngine } from '@kd/core';
import { duration } from '@kd/report';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    out: { type: 'string' },
    quick: { type: 'boolean' },
    all: { type: 'boolean' },
  },
});
const seeds = values.seeds ?? values.seed ?? '0';
if (!seeds.split(',').every((seed) => /^\d+$/.test(seed)))
  throw new Error(`--seeds ${seeds}: expected whole numbers, such as 0,1,2`);
// Each run is a process of its own, which reads the study again.
process.env.KD_DEMO_SEEDS = seeds;

const engine = process.env.KD_ENGINE === 'tensorflow' ? 'tensorflow' : await start(process.env.KD_ENGINE || 'auto');
process.env.KD_ENGINE = engine;
const TAKES = {
  wasm: ', in 7 to 20 minutes of processor time',
  cpu: ', in one to three days of processor time by what a step takes: name another engine to see it end',
};
const quick = values.quick ?? (engine !== 'tensorflow' && values.all !== true);
if (quick && !values.quick)
  process.stderr.write(
    `on the engine ${engine} the demo has one method only, SSIM${TAKES[engine] ?? ''}; --all has all\n`,
  );
const study = fileURLToPath(new URL(`demo/${quick ? 'quick' : 'demo'}.study.mjs`, import.meta.url));
const out = values.out ?? freshFolder(join('runs', 'demo'));
const began = performance.now();
// On pictures as small as these, two trainings of one thread each do more than one of two.
const jobs = String(Math.min(2, availableParallelism()));
process.exitCode = await main(['compare', relative('.', study), '--out', out, '--jobs', jobs]);
process.stdout.write(`all of it took ${duration((performance.now() - began) / 1000)}\n`);

/** `runs/demo`, or `runs/demo-2`, … : an earlier demo is left as it is. */
function freshFolder(path) {
  for (let n = 1; ; n++) {
    const folder = n === 1 ? path : `${path}-${n}`;
    if (!existsSync(folder)) return folder;
  }
}

/** The name of an engine that runs here, found once for all runs: each of them is a process of its own. */
async function start(named) {
  try {
    return (await startedEngine(await resolveEngine(named, import.meta.dirname))).name;
  } catch (error) {
    if (!isKdError(error)) throw error;
    process.stderr.write(`error [${error.code}] ${error.message}\n`);
    process.exit(1);
  }
}
