// Damaged files and odd configs, thousands in one process, through the public functions that read them. Each has to end
// in one clear KdError, or to be read; never in another exception, a hang, a rejection that nobody waits for, or
// memory beyond a bound.
//
//   node scripts/mutate.mjs --count 5000 --seed 0
//   node scripts/mutate.mjs --only coco,voc --count 500 --verbose      some kinds alone; every outcome
//   node scripts/mutate.mjs --case 1234                                that one, with its error
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { isKdError } from '@kd/core';
import { mutate } from './mutate/mutators.mjs';
import { randomOf } from './mutate/random.mjs';
import { putSpecial } from './mutate/special.mjs';
import { liveTensors, makeTargets, restore } from './mutate/targets.mjs';
import { watchdog } from './mutate/watch.mjs';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '5000' },
    seed: { type: 'string', default: '0' },
    only: { type: 'string' },
    case: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});
const [count, seed] = [Number(values.count), Number(values.seed)];
/** Seconds a case, and bytes of the process: what a machine of 2 cores has under load. */
const LIMIT = 20;
const MOST = 3e9;

const folder = await mkdtemp(join(tmpdir(), 'kd-mutate-'));
const found = [];
let current = 'the inputs';
const report = (what, detail) => {
  found.push(`${what}: ${current}\n    ${String(detail).slice(0, 600).replaceAll('\n', '\n    ')}`);
  process.stderr.write(`FOUND ${found.at(-1)}\n`);
};

const began = performance.now();
const targets = (await makeTargets(folder)).filter(({ name }) => values.only?.split(',').includes(name) ?? true);
for (const one of new Set(targets.map(({ folder }) => folder))) {
  await rename(one, `${one}.base`);
  await restore({ folder: one });
}
for (const target of targets) await unchanged(target);
process.on('unhandledRejection', (reason) => report('rejection', reason?.stack ?? reason));
process.on('uncaughtException', (error) => report('exception outside of the call', error?.stack ?? error));
const beat = watchdog({ limit: LIMIT, most: MOST });
const shares = targets.flatMap((target) => Array(target.share).fill(target));
const tensors = liveTensors();
const outcomes = {};
for (let n = 0; n < count; n++) {
  if (values.case !== undefined && n !== Number(values.case)) continue;
  await one(n);
}
await wait(50); // A rejection is told a turn later.
if (liveTensors() > tensors) report('tensors that nobody freed', liveTensors() - tensors);
await rm(folder, { recursive: true, force: true });
const { maxRSS } = process.resourceUsage();
process.stdout.write(
  `${JSON.stringify({ count, seed, found: found.length, outcomes, seconds: Math.round((performance.now() - began) / 1000), megabytes: Math.round(maxRSS / 1e3) }, null, 1)}\n`,
);
process.exit(found.length === 0 ? 0 : 1);

/** What is not changed has to be read, or the rest says nothing. */
async function unchanged(target) {
  for (const name of new Set(target.change)) {
    const wrong = await target.read(name);
    if (wrong !== null) throw new Error(`${target.name} as it is: ${wrong}`);
    if (target.again) await restore(target);
  }
}

async function one(n) {
  const random = randomOf(seed * 1_000_003 + n);
  const target = shares[n % shares.length];
  const name = random.pick(target.change);
  const file = join(target.folder, name);
  current = `case ${n}, ${target.name}, ${name}`;
  const base = await readFile(`${target.folder}.base/${name}`);
  const special = random.below(15) === 0;
  const { bytes, how } = special ? { how: await putSpecial(file, random) } : mutate(name, base, random);
  current = `case ${n}, ${target.name}, ${name}: ${how}`;
  beat(current);
  if (!special) await writeFile(file, bytes);
  const outcome = await outcomeOf(target, name);
  (outcomes[target.name] ??= { read: 0, refused: 0 })[outcome]++;
  if (special) await rm(file, { recursive: true, force: true });
  if (target.again) await restore(target);
  else await writeFile(file, base);
}

async function outcomeOf(target, name) {
  try {
    const wrong = await inTime(target.read(name));
    if (wrong !== null) report('taken for right', wrong);
    if (values.verbose) process.stderr.write(`${current}: read\n`);
    return 'read';
  } catch (error) {
    if (!isKdError(error)) report('exception', error?.stack ?? error);
    else if (unclear(error.message)) report('unclear', `[${error.code}] ${JSON.stringify(error.message)}`);
    if (values.verbose) process.stderr.write(`${current}: [${error.code}] ${error.message}\n`);
    return 'refused';
  }
}

/** What waits for ever without keeping the process busy. */
function inTime(promise) {
  const stop = new AbortController();
  const late = wait(LIMIT * 500, 'HANGS', { signal: stop.signal, ref: false }).catch(() => null);
  return Promise.race([promise, late]).finally(() => stop.abort());
}

/** Control characters reach a terminal, a text of a megabyte reaches nobody. */
function unclear(message) {
  const odd =
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\[object |(?<!received )\bundefined\b/;
  return odd.test(message) || message.length > 20_000;
}
