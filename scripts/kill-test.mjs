// Kills `kd train` at random moments, goes on after each, and compares with a run that nobody killed:
//   node scripts/kill-test.mjs [--kills 60] [--writes 20] [--seed 0]
// `--writes` of the kills come while a checkpoint is being written: its temporary file is there afterwards. What must hold
// is checked after every kill and at the end of every run; the first thing that does not ends the test with exit code 1.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createRng } from '@kd/core';
import { readSafetensors } from '@kd/weights';

const { values: options } = parseArgs({
  options: {
    kills: { type: 'string', default: '60' },
    writes: { type: 'string' },
    seed: { type: 'string', default: '0' },
  },
});
const kills = Number(options.kills);
const writes = Number(options.writes ?? Math.round(kills / 3));
const rng = createRng(Number(options.seed), 'kill-test');

const bin = fileURLToPath(new URL('../packages/cli/dist/bin.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'kd-kill-test-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const say = (text) => process.stdout.write(`${text}\n`);

const config = fileURLToPath(new URL('../tests/e2e/configs/killed.config.ts', import.meta.url));
/** Of the config. */
const EPOCHS = 4;
const STEPS = 4;

const done = { lives: 0, random: 0, write: 0, locks: 0, leftovers: 0, runs: 0, tensors: 0 };

/** Starts or resumes the run; `kill` may end it. Gives the exit code, null after a kill, and what it said. */
function train(out, kill = () => {}) {
  const resume = lastStep(out) > 0;
  const began = performance.now();
  const child = spawn(process.execPath, [bin, 'train', config, '--out', out, ...(resume ? ['--resume'] : [])], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
  kill(() => child.kill('SIGKILL'));
  return new Promise((ended) =>
    child.on('close', (code) => {
      done.lives++;
      done.locks += Number(said.includes('the folder is taken over'));
      done.leftovers += Number(said.includes('of writes that were killed are removed'));
      ended({ code, said, milliseconds: performance.now() - began });
    }),
  );
}

const files = (path) =>
  existsSync(path)
    ? readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
        .sort()
    : [];
const temporary = (path) => files(path).filter((name) => name.endsWith('.tmp'));
const checkpoints = (path) => files(join(path, 'checkpoints')).filter((name) => name.startsWith('step-'));
const lastStep = (path) => Number(/\d+/.exec(checkpoints(path).at(-1) ?? '0')[0]);

/** Lines of metrics.jsonl without times; the last one may be cut off by the kill. */
function metrics(path) {
  const text = existsSync(join(path, 'metrics.jsonl')) ? readFileSync(join(path, 'metrics.jsonl'), 'utf8') : '';
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const { type, step, epoch, terms, total, lr, metrics: measured, best } = JSON.parse(line);
      return { type, step, epoch, terms, total, lr, metrics: measured, best };
    });
}

/** A kill after a random time of a life. */
const atRandom = (life) => (kill) => void sleep(Math.round(life * rng.uniform())).then(kill);

/** A kill when the n-th temporary file of a checkpoint shows up. */
function insideWrite(out, n) {
  mkdirSync(join(out, 'checkpoints'), { recursive: true });
  return (kill) => {
    const seen = new Set();
    const watcher = watch(join(out, 'checkpoints'), (_, name) => {
      if (!/^\.(step-|best).*\.tmp$/.test(name)) return;
      seen.add(name);
      if (seen.size < n) return;
      watcher.close();
      kill();
    });
    watcher.unref();
  };
}

const bytes = ({ data: { buffer, byteOffset, byteLength } }) => Buffer.from(buffer, byteOffset, byteLength);

async function sameTensors(name, run, whole) {
  const [a, b] = await Promise.all([run, whole].map((path) => readSafetensors(join(path, 'checkpoints', name))));
  assert.deepEqual([...a.tensors.keys()].sort(), [...b.tensors.keys()].sort(), name);
  for (const [path, tensor] of b.tensors) assert(bytes(a.tensors.get(path)).equals(bytes(tensor)), `${name}: ${path}`);
  return b.tensors.size;
}

/** What must hold right after a kill: everything that a checkpoint was written of is there and whole. */
async function checkAfterKill(out, before) {
  const step = lastStep(out);
  assert(step >= before, `the checkpoint of step ${before} is gone; the newest is of step ${step}`);
  for (const name of checkpoints(out)) await readSafetensors(join(out, 'checkpoints', name));
  const logged = metrics(out).findLast(({ type }) => type === 'log')?.step ?? 0;
  assert(logged - step <= STEPS, `step ${logged} was done, the newest checkpoint is of step ${step}`);
}

const whole = join(folder, 'whole');
const first = await train(whole);
assert.equal(first.code, 0, first.said);
/** Milliseconds of a run from start to end, at the machine's best. */
let life = first.milliseconds;
const wholeFiles = files(whole);
say(`uninterrupted: ${EPOCHS * STEPS} steps in ${(life / 1000).toFixed(1)} s; files: ${wholeFiles.join(', ')}`);

let out = join(folder, 'run-0');
while (done.random + done.write < kills) {
  const before = lastStep(out);
  const leftBefore = temporary(out);
  const wantsWrite = done.write < writes && (done.random >= kills - writes || rng.uniform() < writes / kills);
  const { code, said, milliseconds } = await train(out, wantsWrite ? insideWrite(out, rng.int(1, 4)) : atRandom(life));
  assert(done.lives < 20 * kills + 20, 'kills inside of a write do not succeed on this machine');
  if (before > 0 && code === 0) assert.match(said, new RegExp(`going on after step ${before}\\b`));
  if (code === null) {
    await checkAfterKill(out, before);
    // A write that ended before the signal came is a kill like any other; what the kill before left does not count.
    const left = temporary(out).filter((name) => name.startsWith('checkpoints/') && !leftBefore.includes(name));
    if (left.length > 0 && done.write < writes) done.write++;
    else if (done.random < kills - writes) done.random++;
    if ((done.random + done.write) % 10 === 0) say(`${done.random} + ${done.write} kills`);
    continue;
  }
  if (before === 0) life = Math.min(life, milliseconds);
  await checkEnd(code, said);
}
// The last one, to its end.
const { code, said } = await train(out);
await checkEnd(code, said);

async function checkEnd(exit, text) {
  assert.equal(exit, 0, text);
  const names = [checkpoints(whole).at(-1), 'best.safetensors'];
  for (const name of names) done.tensors = Math.max(done.tensors, await sameTensors(name, out, whole));
  assert.deepEqual(metrics(out), metrics(whole), 'metrics.jsonl reads as if nobody had killed it');
  const summary = (path) => JSON.parse(readFileSync(join(path, 'summary.json'), 'utf8')).metrics;
  assert.deepEqual(summary(out), summary(whole));
  assert.deepEqual(files(out), wholeFiles, 'nothing is left behind, and nothing is missing');
  done.runs++;
  rmSync(out, { recursive: true });
  out = join(folder, `run-${done.runs}`);
}

say(
  `${done.random + done.write} kills in ${done.lives} lives, ${done.write} of them inside of a checkpoint's write; ${done.locks} locks taken over, ` +
    `${done.leftovers} times leftovers removed; ${done.runs} runs came to their end, each of them bit-equal (${done.tensors} tensors, metrics, files)`,
);
