// Kills `kd compare` at random moments, goes on after each, and compares its table with that of a study that nobody killed:
//   node scripts/kill-compare.mjs [--kills 10] [--seed 0]
// The first figure that differs ends the test with exit code 1. `tests/e2e/compare.test.ts` is its short form.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createRng } from '@kd/core';

const { values: options } = parseArgs({
  options: { kills: { type: 'string', default: '10' }, seed: { type: 'string', default: '0' } },
});
const kills = Number(options.kills);
const rng = createRng(Number(options.seed), 'kill-compare');

const bin = fileURLToPath(new URL('../packages/cli/dist/bin.js', import.meta.url));
const study = fileURLToPath(new URL('../tests/e2e/configs/compared.study.ts', import.meta.url));
/** One of its runs fails on purpose. */
const ENDED = 1;
const folder = mkdtempSync(join(tmpdir(), 'kd-kill-compare-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const say = (text) => process.stdout.write(`${text}\n`);

/** Starts or goes on; `after` milliseconds kill it. Gives the exit code, null after a kill, and the time that it took. */
function compare(out, after) {
  const began = performance.now();
  const child = spawn(process.execPath, [bin, 'compare', study, '--out', out], { stdio: 'ignore' });
  const timer = after === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), after);
  return new Promise((ended) =>
    child.on('close', (code) => {
      clearTimeout(timer);
      ended({ code, milliseconds: performance.now() - began });
    }),
  );
}

/** All but times. */
const tableOf = (out) =>
  JSON.parse(readFileSync(join(out, 'table.json'), 'utf8'), (key, value) =>
    ['minutes', 'cost'].includes(key) ? null : value,
  );

const whole = join(folder, 'whole');
const undisturbed = await compare(whole);
assert.equal(undisturbed.code, ENDED, 'the study that nobody kills');
const [wanted, cut] = [tableOf(whole), join(folder, 'cut')];
let lives = 0;
for (let killed = 0; killed < kills; ) {
  // As far as a life can reach: the first must do all, one of the last may have a table to make alone.
  const { code, milliseconds } = await compare(cut, rng.uniform() * undisturbed.milliseconds * 0.6);
  lives++;
  if (code === null) {
    killed++;
    say(`killed after ${(milliseconds / 1000).toFixed(1)} s (${killed} of ${kills})`);
    continue;
  }
  // It came to its end before the kill: so much of its kills counts, and another begins.
  assert.equal(code, ENDED, 'a study that went on');
  assert.deepEqual(tableOf(cut), wanted);
  rmSync(cut, { recursive: true });
}
assert.equal((await compare(cut)).code, ENDED, 'the study after its last kill');
assert.ok(existsSync(join(cut, 'table.md')));
assert.deepEqual(tableOf(cut), wanted);
say(`${kills} kills in ${lives} lives: the same table`);
